"""What people write when they mean runs: tags, MODEL text, moments.

A tag is never to be taken for anything else.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from rsinspect.base import amounts
from rsinspect.base.errors import InvalidQuestion, RsInspectError, StoreUnusable
from rsinspect.base.words import quoted
from rsinspect.networks.grammar import named_in, parse_resolution
from rsinspect.networks.named import is_file, network, source
from rsinspect.networks.network import resnet_rs

LATEST = "latest"
"""The run that was added last."""
IN_STORE = "run:"
"""What may stand before an id or a tag, where it could be taken for something else."""

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


def model_meant(text: str) -> dict[str, Any]:
    """Read which runs are of a network, as fields of ``Selection``.

    Args:
        text: MODEL, of which one without a size means any; or a name or title, with ``*`` for
            anything.

    Raises:
        RsInspectError: If it is a file that holds no network, or its size is none.

    >>> model_meant("50@224"), model_meant("EfficientNetB*")
    ({'model': 'resnet-rs-50', 'resolution': (224, 224)}, {'model': 'EfficientNetB*'})
    """
    if is_file(text):
        return {"fingerprint": network(text).fingerprint}
    if "*" in text:
        return {"model": text}
    if named := named_in(text):
        name, size = resnet_rs(named.spec()).document()["name"], named.resolution
    else:
        name, at, side = text.partition("@")
        size = parse_resolution(side) if at and side.strip()[:1].isdigit() else None
        name = name if size else text
    return {"model": name} | ({"resolution": size} if size else {})


def moment(text: str, now_s: float) -> float:
    """Read a moment: a date, or how long ago it is.

    Args:
        text: ``2026-11-01``, ``2026-11-01T08:00`` (of this machine's time zone), ``2d``.
        now_s: In seconds since 1970.

    Returns:
        Seconds since 1970.

    Raises:
        InvalidQuestion: If it is none.

    >>> moment("2d", 200_000.0), moment("1970-01-02T00:00+00:00", 0.0)
    (27200.0, 86400.0)
    """
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        pass
    try:
        return now_s - amounts.seconds_of(text)
    except InvalidQuestion as exc:
        raise InvalidQuestion(
            f"{quoted(text)} is no moment", "write 2026-11-01, or how long ago: 12h, 30d"
        ) from exc
