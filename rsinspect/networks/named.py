"""A network from MODEL text: a name (``networks.grammar``) or the path of a file.

    270    152@224    resnet50    101:article    200:resnet+se
    network.json    my.keras    my.h5    config.json

A maker of networks from another kind of text joins ``_MAKERS``; nothing above needs to know.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rsinspect.base import limits
from rsinspect.base.errors import GraphError, InvalidSpec
from rsinspect.base.units import dimensions
from rsinspect.base.words import Option, Wording, advice, quoted
from rsinspect.layers import document as graph_document
from rsinspect.networks import network as networks_
from rsinspect.networks.grammar import parse_model
from rsinspect.networks.network import Network, from_graph, network_from_json, resnet_rs

if TYPE_CHECKING:
    from rsinspect.checkpoints.config import Saved

Size = tuple[int, int]

_JSON = ".json"
_CHECKPOINTS = (".keras", ".h5", ".hdf5")


def _from_file(text: str, size: Size | None) -> Network | None:
    """Read a network from a file: rsinspect's own or Keras's; None for other text."""
    if not is_file(text):
        return None
    for side in size or ():
        limits.SIDE.check(side, InvalidSpec)
    if not text.lower().endswith(_JSON):
        from rsinspect.checkpoints.config import saved_model

        try:
            return _from_keras(saved_model(Path(text).expanduser()), text, size)
        except RuntimeError as exc:  # ~nobody
            raise InvalidSpec(f"{quoted(text)} cannot be read: {exc}") from exc
    from rsinspect.base.sources import Unreadable, content_of

    try:
        content = content_of(Path(text).expanduser())
    except (Unreadable, RuntimeError) as exc:
        raise InvalidSpec(f"{quoted(text)} cannot be read: {exc}") from exc
    return from_text(content, text, size)


def from_text(content: bytes, text: str, size: Size | None = None) -> Network:
    """Read a network from the content of a ``.json`` file.

    Args:
        content: A network or layer graph of rsinspect's, or the configuration of a Keras model.
        text: What the file is called, for messages.
        size: To make it at; its own by default.

    Raises:
        SpecError: If it holds no network.
        WeightsError: If it is a configuration that cannot be read.
    """
    from rsinspect.base import codec  # a published name needs none
    from rsinspect.checkpoints import config

    try:
        document = codec.from_text(content)
    except codec.Damaged as exc:
        raise InvalidSpec(f"{quoted(text)} is no JSON document: {exc}") from exc
    if config.is_config(document):
        return _from_keras(config.saved(document, content), text, size)
    try:
        if isinstance(document, dict) and document.get("schema") == graph_document.SCHEMA:
            return from_graph(graph_document.from_json(document))
        return network_from_json(document)
    except GraphError as exc:
        raise InvalidSpec(
            f"{quoted(text)} holds no network: {exc.message}",
            "a later rsinspect wrote it: update rsinspect"
            if _is_later(document)
            else f"a network is saved as {networks_.SCHEMA}, or as what Keras's to_json() gives",
        ) from exc


def _from_keras(saved: "Saved", text: str, size: Size | None) -> Network:
    """Make the network of a configuration that Keras wrote."""
    from rsinspect.networks.keras_config import from_keras_config

    inner = saved.config.get("config", saved.config)
    if not isinstance(inner, dict | list) or (isinstance(inner, dict) and "layers" not in inner):
        kind = quoted(str(saved.config.get("class_name", "model")))
        raise InvalidSpec(
            f"{quoted(text)} holds no graph: Keras saves a {kind} as arguments of its class",
            "such a model is read where it is made: train.py:make_model, or from Python "
            "rsinspect.summary(model)",
        )
    try:
        network = from_keras_config(saved.config, resolution=size, weights=saved.weights)
    except GraphError as exc:
        raise exc.retold(InvalidSpec, f"{quoted(text)}: ") from exc
    return replace(network, hazards=saved.hazards)


def _is_later(document: object) -> bool:
    """Tell whether a later version of this program has written a document."""
    schema = document.get("schema") if isinstance(document, dict) else None
    ours = (networks_.SCHEMA, graph_document.SCHEMA)
    kinds = tuple(known.partition("/")[0] + "/" for known in ours)
    return isinstance(schema, str) and schema.startswith(kinds) and schema not in ours


def _published(text: str, size: Size | None) -> Network:
    return resnet_rs(parse_model(text).spec(resolution=size))


_MAKERS: tuple[Callable[[str, Size | None], Network | None], ...] = (_from_file, _published)
"""Who makes a network of MODEL text, in the order in which they are asked."""


def network(text: str, *, resolution: Size | None = None) -> Network:
    """Make the network that MODEL text names.

    Args:
        text: A published network (``parse_model``), or the path of a file: a ``.json`` with a
            network of rsinspect's or the configuration of a Keras model, or a ``.keras``, ``.h5``
            or ``.hdf5`` that Keras saved.
        resolution: Height and width to make it at; its own by default.

    Raises:
        SpecError: If the text names no network, or no network of that size.
        WeightsError: If a file of Keras's is damaged, hostile or holds no model.

    >>> network("101@160:article").title
    'ResNet-RS-101 @ 160×160 (article)'
    """
    made = (make(text, resolution) for make in _MAKERS)
    return next(one for one in made if one is not None)


def is_file(text: str) -> bool:
    """Tell whether MODEL text is the path of a file, and not a name."""
    return text.lower().endswith((_JSON, *_CHECKPOINTS))


class Compared(NamedTuple):
    """Networks to be compared.

    Attributes:
        networks: In the order in which they were named.
        note: How their sizes were chosen, where somebody might expect others; else None.
    """

    networks: tuple[Network, ...]
    note: Wording | None = None


def compared(*texts: str, resolution: tuple[int, int] | None = None) -> Compared:
    """Make networks that are to be compared, and say how their sizes were chosen.

    A name that gives a size has it, and so has a file. Where some do, the other names have their
    own default size, as everywhere else. Where none does, all are made at one size, the largest of
    their own, so that costs differ by structure alone.

    Args:
        texts: MODEL text each.
        resolution: Of all.

    Raises:
        SpecError: If a name or resolution is unknown, or the resolution disagrees with one in a
            name.
        InvalidChoice: If a dialect is unknown.

    >>> [made.title for made in compared("50", "101:article").networks]
    ['ResNet-RS-50 @ 192×192', 'ResNet-RS-101 @ 192×192 (article)']
    >>> [made.title for made in compared("50", "101@224").networks]
    ['ResNet-RS-50 @ 160×160', 'ResNet-RS-101 @ 224×224']
    """
    if resolution is not None or any(
        is_file(text) or parse_model(text).resolution is not None for text in texts
    ):
        made = tuple(network(text, resolution=resolution) for text in texts)
        return Compared(made, None if resolution else _differing_note(made))
    specs = [parse_model(text).spec() for text in texts]
    shared = max(spec.resolution for spec in specs)
    made = tuple(resnet_rs(spec.replace(resolution=shared)) for spec in specs)
    others = {
        f"{network.short_title}'s own is {spec.size}": None
        for network, spec in zip(made, specs, strict=True)
        if spec.resolution != shared
    }
    if not others:
        return Compared(made)
    return Compared(
        made,
        advice(
            "All at {}, the largest of their own sizes; {}. {} chooses another.",
            dimensions(shared), ", ".join(others), Option("resolution"),
        ),
    )  # fmt: skip


def _differing_note(made: tuple[Network, ...]) -> Wording | None:
    """Say how to compare at one size, where each network has its own."""
    if len({network.size for network in made}) == 1 or any(n.spec is None for n in made):
        return None
    return advice(
        "Each at the size in its name, or else at its own; {} without sizes in the names "
        "compares all at one.",
        Option("resolution", made[0].spec.resolution[0] if made[0].spec else 224),
    )
