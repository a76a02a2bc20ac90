"""Names of what tasks publish. An asset event fires when the task that names it as an outlet succeeds, and only then."""

from __future__ import annotations

from airflow.sdk import Asset

from customer360.contracts.model import SourceObject


def raw(obj: SourceObject) -> Asset:
    """Checked data of one source object has arrived in raw."""
    return Asset(name=f"raw/{obj.system}/{obj.name}", uri=f"c360://raw/{obj.system}/{obj.name}", group="raw")


# The nightly run has given the shared relations back: what came in meanwhile can be built.
NIGHTLY_DONE = Asset(name="nightly/done", uri="c360://nightly/done", group="nightly")
