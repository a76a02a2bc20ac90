"""Whether a model's settings can move to Splink's Spark backend: the same records, weighed by ours and by Splink on Spark.

People with households, namesakes and several scripts are scored with a model trained on them. Goals: the same pairs, and for 995 of
1,000 the same weight. The rest are likenesses at the edge of a level: in the Jaro-Winkler similarity of Splink's jar (Apache Commons) a
common beginning counts for less the longer the strings are. Files of long texts differ more (`--kind all_text`: one pair in fifteen).
Exit code 1 when a goal is missed, 2 without Java.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.peers_environment import HERE, peers_python
from benchmarks.people import make
from benchmarks.people_kinds import KINDS

SAME_WITHIN = 1e-6  # bits
LEAST_SHARE_SAME = 0.995


def main() -> int:
    """Score with both and compare."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.spark_scores", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=600)
    parser.add_argument("--kind", choices=sorted(KINDS), default="everything", help="what the people's file holds (default: everything)")
    options = parser.parse_args()
    if shutil.which("java") is None:
        sys.stderr.write("Spark needs Java: install a JRE 17 (Debian: openjdk-17-jre-headless)\n")
        return 2
    ours, theirs = scores(options.kind, options.records)
    both = ours.keys() & theirs.keys()
    same = sum(abs(ours[pair] - theirs[pair]) <= SAME_WITHIN for pair in both)
    print(f"pairs: {len(ours):,} of ours, {len(theirs):,} of Spark's, {len(both):,} of both; {same:,} of them weigh the same")
    is_met = len(ours) == len(theirs) == len(both) > 0 and same >= LEAST_SHARE_SAME * len(both)
    print("ok" if is_met else "MISSED")
    return 0 if is_met else 1


def scores(kind: str, records: int) -> tuple[dict[tuple[str, str], float], dict[tuple[str, str], float]]:
    """Match weight in bits per pair: ours, and that of Splink on Spark."""
    from customer360.identity.match.columns import frame_of_wide
    from customer360.identity.match.score import score
    from customer360.identity.match.splinking import for_spark
    from customer360.identity.match.train import train

    rows, _ = make(KINDS[kind], records=records, seed=5)
    table = pa.table({column: pa.array([row[column] or None for row in rows], pa.string()) for column in rows[0]})
    people = frame_of_wide(table, KINDS[kind].columns, record_id="id", source="src")
    model = train(people)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shares = {
            column: {value: listed.get(value, model.rare[column]) for value in people[column].unique().drop_null().to_pylist()}
            for column, listed in model.term_frequencies.items()
        }
        (folder / "settings.json").write_text(json.dumps(for_spark(model.splink)))
        (folder / "shares.json").write_text(json.dumps(shares))
        pq.write_table(people, folder / "people.parquet")
        script = [str(peers_python("bench-spark-venv", "requirements-spark.txt")), str(HERE / "peers" / "splink_spark.py"), name]
        subprocess.run(script, check=True)
        theirs = {(left, right): weight for left, right, weight in json.loads((folder / "pairs.json").read_text())}
    ours = {(edge["l"], edge["r"]): edge["match_weight"] for edge in score(people, model, floor=0.0).to_pylist()}
    return ours, theirs


if __name__ == "__main__":
    sys.exit(main())
