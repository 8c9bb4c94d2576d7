"""A network as a short JSON document of the same content: names by a rule, layers in columns.

For a file that holds more than one network, or other things beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rsinspect.base import codec
from rsinspect.base.codec import Damaged
from rsinspect.base.errors import UnknownPath
from rsinspect.base.quantities import Name
from rsinspect.layers.columns import to_columns, to_rows
from rsinspect.layers.document import folding_to_json
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.keras_names import keras_name
from rsinspect.networks.network import COMPACT, SCHEMA, Network

BY_PATH = "path"
"""The rule of names that are paths, with two underscores for each slash."""


def to_compact(network: Network) -> dict[str, Any]:
    """Write the whole network as plain JSON values; ``network_from_json`` reads it back.

    {"schema": "rsinspect.network/2", "title": ..., "named_by": a dialect or "path",
     "names": {path: Keras's name where the rule gives another}, "graph": columns,
     "folding": as in ``Network.to_json``}
    """
    known = network.recognised
    rules = [BY_PATH, *([known.spec.dialect.name] if known is not None else [])]
    named = {
        rule: {path: name for path, name in network.names.items() if _name(path, rule) != name}
        for rule in rules
    }
    rule = min(rules, key=lambda rule: len(named[rule]))
    document = {
        "schema": COMPACT,
        "title": network.title,
        "named_by": rule,
        "names": named[rule],
        "graph": to_columns(network.graph),
    }
    if network.folding is not None:
        document["folding"] = folding_to_json(network.folding)
    return document


def _name(path: str, rule: str) -> str | None:
    """Name a layer by a rule; None where it has none for such a path."""
    if rule == BY_PATH:
        return path.replace("/", "__")
    try:
        return keras_name(path, DIALECTS[rule])
    except UnknownPath:
        return None


@dataclass(frozen=True, slots=True)
class _Compact:
    """What of a short document is read here."""

    title: Name
    named_by: str
    names: dict[Name, Name]
    graph: dict[str, Any]
    folding: dict[str, Any] | None = None


def to_whole(document: object) -> dict[str, Any]:
    """Write what ``to_compact`` wrote as ``Network.to_json`` writes the same network.

    Raises:
        Damaged: If a key is missing or of another type, or there is no such rule.
    """
    read = codec.from_json(document, _Compact, "network")
    if read.named_by not in (BY_PATH, *DIALECTS):
        raise Damaged(f"network.named_by is an unknown name {codec.brief(read.named_by)}")
    graph = to_rows(read.graph)
    paths = [layer["path"] for layer in graph["layers"]] + _norms(read.folding)
    by_rule = {path: name for path in paths if (name := _name(path, read.named_by)) is not None}
    return {
        "schema": SCHEMA,
        "title": read.title,
        "names": by_rule | read.names,
        "graph": graph,
        **({} if read.folding is None else {"folding": read.folding}),
    }


def _norms(folding: dict[str, Any] | None) -> list[str]:
    """List the paths of batch norms that were folded, as far as they can be told."""
    folds = (folding or {}).get("folds")
    rows = folds if isinstance(folds, list) else []
    paths = (row.get("norm") for row in rows if isinstance(row, dict))
    return [path for path in paths if isinstance(path, str)]
