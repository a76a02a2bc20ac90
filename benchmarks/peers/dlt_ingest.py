"""dlt: PostgreSQL → PostgreSQL. `python dlt_ingest.py SOURCE_URI TARGET_URI FOLDER BACKEND first|merge`; prints seconds per run as JSON.

`first` loads the table once. `merge` loads it, waits for a line on standard input (the source is changed meanwhile), and loads again
what changed, by cursor and key. Only `pipeline.run` is timed; imports are not. Arrow backends write CSV, the quicker of dlt's ways.
"""

from __future__ import annotations

import json
import os
import sys
import time

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"

import dlt
from dlt.sources.sql_database import sql_table


def main() -> None:
    """Run the loads asked for."""
    source, target, folder, backend, mode = sys.argv[1:]
    pipeline = dlt.pipeline(
        pipeline_name=f"{mode}_{backend}",
        destination=dlt.destinations.postgres(target),
        dataset_name=f"dlt_{mode}_{backend}",
        pipelines_dir=folder,
    )
    merges = mode == "merge"

    def run() -> float:
        table = sql_table(
            credentials=source,
            table="customers",
            schema="public",
            backend=backend,
            chunk_size=100_000,
            backend_kwargs={"return_type": "arrow"} if backend == "connectorx" else {"tz": "UTC"} if backend == "pyarrow" else None,
            incremental=dlt.sources.incremental("updated_at") if merges else None,
        )
        table.apply_hints(primary_key="customer_id")
        started = time.perf_counter()
        information = pipeline.run(
            table,
            write_disposition="merge" if merges else "replace",
            loader_file_format="csv" if backend != "sqlalchemy" else None,
        )
        information.raise_on_failed_jobs()
        return time.perf_counter() - started

    sys.stdout.write(json.dumps(run()) + "\n")
    sys.stdout.flush()
    if merges:
        sys.stdin.readline()
        sys.stdout.write(json.dumps(run()) + "\n")


main()
