"""``rsinspect runs export``."""

from rsinspect.base.errors import RsInspectError


def runs_export() -> None:
    """Write measurements for other programs: JSON, CSV, Parquet."""
    raise RsInspectError("not there yet")
