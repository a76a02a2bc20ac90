"""The only tags a DAG may carry (a test holds it)."""

from __future__ import annotations

from enum import StrEnum


class Tag(StrEnum):
    """Filters in Airflow's list of DAGs."""

    INGEST = "ingest"
    BUILD = "build"
    LIVE = "live"
    NIGHTLY = "nightly"
    IDENTITY = "identity"
    MAINTENANCE = "maintenance"
    NO_ALERTS = "no-alerts"  # failures of this DAG need nobody's attention
