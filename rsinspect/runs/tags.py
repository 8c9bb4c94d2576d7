"""Names that people give to runs: never to be taken for anything else."""

from __future__ import annotations

import re

from rsinspect.base.errors import RsInspectError, StoreUnusable
from rsinspect.base.words import quoted
from rsinspect.networks.named import source

LATEST = "latest"
"""The run that was added last."""

_TAG = re.compile(r"[A-Za-z0-9][\w.+-]{0,79}", re.ASCII)
_ID = re.compile(r"[rs][0-9a-f]{4,64}")
_FILES = (".json", ".db", ".sqlite", ".csv", ".parquet", ".toml", ".keras", ".h5", ".py")


def looks_like_id(text: str) -> bool:
    """Tell whether a text is the name of a run or a sweep, or how one begins."""
    return _ID.fullmatch(text) is not None


def check_tag(name: str) -> None:
    """Refuse a name that could be taken for something else.

    Raises:
        StoreUnusable: With the reason.
    """
    reason = None
    if _TAG.fullmatch(name) is None:
        reason = "it takes letters, digits and . _ + -, at most 80"
    elif name == LATEST or looks_like_id(name):
        reason = "it reads as a run"
    elif name.lower().endswith(_FILES):
        reason = "it reads as a file"
    elif _is_model(name):
        reason = "it reads as a MODEL"
    if reason is not None:
        raise StoreUnusable(f"{quoted(name)} cannot be a tag: {reason}", "such as before-folding")


def _is_model(name: str) -> bool:
    try:
        source(name)
    except RsInspectError:
        return False
    return True
