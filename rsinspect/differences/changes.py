"""What differs inside the blocks that two networks have in common, each difference once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from rsinspect.layers.structure import Group

if TYPE_CHECKING:
    from rsinspect.differences.pairs import BlockPair, LayerPair


class Change(NamedTuple):
    """The same difference in several layers of blocks that both networks have.

    Attributes:
        verb: ``added``, ``removed`` or ``changed``.
        training_only: Whether it makes no difference in inference.
        names: The layers' names within their blocks: ``se/reduce``, ``se/expand``.
        places: These blocks.
        layers: The layers.
        is_scattered: Whether not each of these blocks has each of these layers.
    """

    verb: Literal["added", "removed", "changed"]
    training_only: bool
    names: tuple[str, ...]
    places: tuple[Group, ...]
    layers: tuple[LayerPair, ...]
    is_scattered: bool = False

    def joined(self, other: Change) -> Change:
        """Join the same difference in other layers."""
        places = {group.path: group for group in (*self.places, *other.places)}
        return self._replace(
            names=tuple(dict.fromkeys((*self.names, *other.names))),
            places=tuple(places.values()),
            layers=(*self.layers, *other.layers),
            is_scattered=True,
        )

    @property
    def is_slight(self) -> bool:
        """Tell whether it changes no number that a person would notice."""
        return {change.field for change in self.layers[0].telling} == {"epsilon"}


def changes_of(blocks: Iterable[BlockPair]) -> tuple[Change, ...]:
    """List what differs inside the blocks of both networks, what is most telling first."""
    alike: dict[tuple[Any, ...], list[tuple[Group, LayerPair]]] = {}  # one layer in many blocks
    for block in blocks:
        if block.status in ("added", "removed"):
            continue
        for layer in block.layers:
            if layer.status == "same":
                continue
            verb = "added" if layer.a is None else "removed" if layer.b is None else "changed"
            fields = tuple(change.field for change in layer.telling)
            key = (verb, layer.status == "training_only", fields, block.name_of(layer))
            alike.setdefault(key, []).append((block.group, layer))
    together: dict[tuple[Any, ...], list[tuple[str, list[tuple[Group, LayerPair]]]]] = {}
    for (verb, trains, fields, name), members in alike.items():
        paths = tuple(dict.fromkeys(group.path for group, _ in members))
        together.setdefault((verb, trains, fields, paths), []).append((name, members))
    changes = [
        Change(
            verb=verb,
            training_only=trains,
            names=tuple(name for name, _ in named),
            places=tuple({group.path: group for group, _ in named[0][1]}.values()),
            layers=tuple(layer for _, members in named for _, layer in members),
        )
        for (verb, trains, _, _), named in together.items()
    ]
    return tuple(sorted(changes, key=lambda change: (change.is_slight, -len(change.layers))))
