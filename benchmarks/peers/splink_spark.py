"""Splink's `predict` on Spark, of settings and records that another process wrote. Run in an environment of its own.

python splink_spark.py FOLDER: reads settings.json, people.parquet and shares.json (column → value → share); writes pairs.json.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

import pandas as pd  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402
from splink import Linker, SparkAPI  # noqa: E402
from splink.backends.spark import similarity_jar_location  # noqa: E402


def main(folder: Path) -> None:
    """Score all pairs of the blocking rules."""
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.jars", similarity_jar_location())
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    spark.sparkContext.setCheckpointDir(str(folder / "checkpoints"))
    api = SparkAPI(spark_session=spark)
    people = spark.read.parquet(str(folder / "people.parquet"))
    linker = Linker(api.register(people), json.loads((folder / "settings.json").read_text()), log_level=None)
    for column, shares in json.loads((folder / "shares.json").read_text()).items():
        lookup = spark.createDataFrame(pd.DataFrame({column: list(shares), f"tf_{column}": list(shares.values())}))
        linker.table_management.register_term_frequency_lookup(api.register(lookup), column)
    found = linker.inference.predict(threshold_match_probability=0.0, warning_mode="never").as_record_list()
    pairs = [[*sorted((row["unique_id_l"], row["unique_id_r"])), row["match_weight"]] for row in found]
    (folder / "pairs.json").write_text(json.dumps(pairs))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
