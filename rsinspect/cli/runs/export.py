"""``rsinspect runs export``."""

from rsinspect.base.errors import InvalidSpec


def runs_export() -> None:
    """Write measurements for other programs: JSON, CSV, Parquet."""
    raise InvalidSpec("not there yet")
