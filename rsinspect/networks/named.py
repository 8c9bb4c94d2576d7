"""A network from MODEL text: a name, the path of a file, or Python that makes a model.

    270    152@224    resnet50    101:article    200:resnet+se    EfficientNetB0@260
    network.json    my.keras    my.h5    config.json    report.html    train.py:make_model

Another kind of text joins ``_SOURCES``; nothing above needs to know.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rsinspect.base import limits
from rsinspect.base.embedded import PageName, keys_in, page_named, subjects_in
from rsinspect.base.errors import GraphError, InvalidSpec
from rsinspect.base.units import dimensions
from rsinspect.base.words import Option, Wording, advice, quoted
from rsinspect.layers import document as graph_document
from rsinspect.networks import network as networks_
from rsinspect.networks.grammar import named_in
from rsinspect.networks.network import Network, at_size, from_graph, network_from_json, resnet_rs

if TYPE_CHECKING:
    from rsinspect.checkpoints.config import Saved
    from rsinspect.networks.code import Code

Size = tuple[int, int]

_JSON = ".json"
_CHECKPOINTS = (".keras", ".h5", ".hdf5")


def _from_file(text: str, size: Size | None) -> Network:
    """Read a network from a file: rsinspect's own or Keras's."""
    for side in size or ():
        limits.SIDE.check(side, InvalidSpec)
    if (page := page_named(text)) is not None:
        return at_size(_from_page(page), size)
    if not text.lower().endswith(_JSON):
        from rsinspect.checkpoints.config import saved_model

        try:
            path = Path(text).expanduser()
            return replace(_from_keras(saved_model(path), text, size), weights=path)
        except RuntimeError as exc:  # ~nobody
            raise InvalidSpec(f"{quoted(text)} cannot be read: {exc}") from exc
    from rsinspect.base.sources import Unreadable, content_of

    try:
        content = content_of(Path(text))
    except Unreadable as exc:
        raise InvalidSpec(f"{quoted(text)} cannot be read: {exc}", exc.hint) from exc
    return from_text(content, text, size)


def _from_page(page: PageName) -> Network:
    """Read the network that a page of ``rsinspect report`` is about."""
    found, *others = subjects_in(page, InvalidSpec)
    if others:
        raise InvalidSpec(
            f"{page.path} is about {1 + len(others)} networks",
            f"name one: {keys_in(page.path, [found, *others])}",
        )
    try:
        return network_from_json(found.get("network"))
    except GraphError as exc:
        raise InvalidSpec(f"{page.path} is damaged: {exc.message}", exc.hint) from exc


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
            return at_size(from_graph(graph_document.from_json(document)), size)
        return at_size(network_from_json(document), size)
    except GraphError as exc:
        raise InvalidSpec(
            f"{quoted(text)} holds no network: {exc.message}", _remedy(document)
        ) from exc


def _remedy(document: object) -> str:
    """Say what to do about a document that is no network."""
    schema = document.get("schema") if isinstance(document, dict) else None
    if isinstance(schema, str) and schema.startswith("rsinspect.profile/"):
        return "it is a run of a network: name it as a run"
    if _is_later(document):
        return "a later rsinspect wrote it: update rsinspect"
    return f"a network is saved as {networks_.SCHEMA}, or as what Keras's to_json() gives"


def _from_keras(saved: "Saved", text: str, size: Size | None) -> Network:
    """Make the network of a configuration that Keras wrote."""
    from rsinspect.networks.keras_calls import NO_GRAPH
    from rsinspect.networks.keras_config import from_keras_config
    from rsinspect.networks.keras_walk import LOADING

    inner = saved.config.get("config", saved.config)
    if not isinstance(inner, dict | list) or (isinstance(inner, dict) and "layers" not in inner):
        kind = quoted(str(saved.config.get("class_name", "model")))
        raise InvalidSpec(
            f"{quoted(text)} holds no graph: Keras saves a {kind} as arguments of its class",
            NO_GRAPH,
        )
    try:
        network = from_keras_config(saved.config, resolution=size, weights=saved.weights)
    except GraphError as exc:
        if saved.hazards:  # nobody is told to load what should not be loaded
            message = f"{quoted(text)}: {exc.message}. {' '.join(saved.hazards)}".rstrip(".")
            raise InvalidSpec(message, None if exc.hint in LOADING else exc.hint) from exc
        raise exc.retold(InvalidSpec, f"{quoted(text)}: ") from exc
    return replace(network, hazards=saved.hazards)


def _is_later(document: object) -> bool:
    """Tell whether a later version of this program has written a document."""
    schema = document.get("schema") if isinstance(document, dict) else None
    ours = (networks_.SCHEMA, networks_.COMPACT, graph_document.SCHEMA)
    kinds = tuple(known.partition("/")[0] + "/" for known in ours)
    return isinstance(schema, str) and schema.startswith(kinds) and schema not in ours


class Source(NamedTuple):
    """What MODEL text means, before a network is made of it.

    Attributes:
        make: Makes the network: of a size, and with what else is to be otherwise.
        size: Height and width in the text; None where it names none.
        own_size: What it is made at by default; None where only what it holds tells.
    """

    make: Callable[[Size | None, Mapping[str, Any]], Network]
    size: Size | None = None
    own_size: Size | None = None


def source(text: str) -> Source:
    """Read MODEL text, without making a network of it.

    Raises:
        SpecError: If it is none.
        InvalidChoice: If a dialect is unknown.
    """
    for read in _SOURCES:
        if found := read(text):
            return found
    from rsinspect.networks.strangers import refusal  # only on the way to an error

    raise refusal(text)


def _file(text: str) -> Source | None:
    """Read the path of a file."""

    def make(size: Size | None, changes: Mapping[str, Any]) -> Network:
        _require_none(changes, f"{text} is a file: it holds")
        return _from_file(text, size)

    return Source(make) if is_file(text) else None


def _published(text: str) -> Source | None:
    """Read the name of a network that is built here."""
    named = named_in(text)
    if named is None:
        return None

    def make(size: Size | None, changes: Mapping[str, Any]) -> Network:
        return resnet_rs(named.spec(resolution=size, **changes))

    return Source(make, named.resolution, named.spec().resolution)


def _application(text: str) -> Source | None:
    """Read the name of a network of ``keras.applications``."""
    from rsinspect.networks import applications

    named = applications.named_in(text)
    if named is None:
        return None

    def make(size: Size | None, changes: Mapping[str, Any]) -> Network:
        from rsinspect.networks.keras_cache import application_network

        return application_network(named.application(resolution=size, **changes))

    return Source(make, named.resolution, named.own_size)


def code_of(text: str) -> "Code | None":
    """Return the Python that MODEL text names; None where it names something else.

    >>> str(code_of("train.py:make_model")), code_of("101:article")
    ('train.py:make_model', None)
    """
    from rsinspect.networks import applications
    from rsinspect.networks.code import code_in

    if is_file(text) or named_in(text) is not None or applications.named_in(text):
        return None
    code = code_in(text)
    # a network of Keras's with a dialect is no module
    return None if code is None or applications.named_in(code.place) else code


def _code(text: str) -> Source | None:
    """Read the name of Python that makes a model."""
    code = code_of(text)
    if code is None:
        return None

    def make(size: Size | None, changes: Mapping[str, Any]) -> Network:
        from rsinspect.networks.keras_process import network_of

        _require_none(changes, f"{code} is Python: it makes")
        return network_of(code, size)

    return Source(make)


def _require_none(changes: Mapping[str, Any], what: str) -> None:
    """Refuse changes of a network that is made elsewhere."""
    if changes:
        raise InvalidSpec(
            f"{what} one network, of which options change the size alone",
            advice("leave all but {} out", Option("resolution")),
        )


_SOURCES: tuple[Callable[[str], Source | None], ...] = (_file, _published, _application, _code)
"""Who reads MODEL text, in the order in which they are asked."""


def network(text: str, *, resolution: Size | None = None, **changes: Any) -> Network:
    """Make the network that MODEL text names.

    Args:
        text: A published network (``parse_model``); one of ``keras.applications``; the path of a
            file: a ``.json`` with a network of rsinspect's or the configuration of a Keras model,
            or a ``.keras``, ``.h5`` or ``.hdf5`` that Keras saved; or Python that makes a Keras
            model, ``train.py:make_model``, which is run in a process of its own.
        resolution: Height and width to make it at; its own by default.
        changes: What else of a network with a name is to be otherwise: ``classes=10``.

    Raises:
        SpecError: If the text names no network, or none of that size or with such changes.
        InvalidChoice: If a dialect is unknown.
        WeightsError: If a file of Keras's is damaged, hostile or holds no model.
        BackendUnavailable: If Keras has to make it, and Keras or its backend is not here.
        ModelBuildError: If Keras or the code does not make it.

    >>> network("101@160:article").title
    'ResNet-RS-101 @ 160×160 (article)'
    """
    return source(text).make(resolution, changes)


def is_file(text: str) -> bool:
    """Tell whether MODEL text is the path of a file that holds a network."""
    return text.lower().endswith((_JSON, *_CHECKPOINTS)) or page_named(text) is not None


def file_of(text: str) -> Path | None:
    """Return the file that MODEL text reads, of a network or of Python code; None for none."""
    if (page := page_named(text)) is not None:
        return page.path
    if is_file(text):
        return Path(text)
    from rsinspect.networks.code import code_file

    place = code_file(text)
    return None if place is None else Path(place)


class Compared(NamedTuple):
    """Networks to be compared.

    Attributes:
        networks: In the order in which they were named.
        note: How their sizes were chosen, where somebody might expect others; else None.
    """

    networks: tuple[Network, ...]
    note: Wording | None = None


def compared(
    *texts: str, resolution: tuple[int, int] | None = None, apart: bool = False
) -> Compared:
    """Make networks that are to be compared, and say how their sizes were chosen.

    A name that gives a size has it, and so has a file. Where some do, the other names have their
    own default size, as everywhere else. Where none does, all are made at one size, the largest of
    their own, so that costs differ by structure alone.

    Args:
        texts: MODEL text each.
        resolution: Of all.
        apart: Whether each has its own size all the same, as when it was measured.

    Raises:
        SpecError: If a name or resolution is unknown, or the resolution disagrees with one in a
            name.
        InvalidChoice: If a dialect is unknown.

    >>> [made.title for made in compared("50", "101:article").networks]
    ['ResNet-RS-50 @ 192×192', 'ResNet-RS-101 @ 192×192 (article)']
    >>> [made.title for made in compared("50", "101@224").networks]
    ['ResNet-RS-50 @ 160×160', 'ResNet-RS-101 @ 224×224']
    """
    sources = [source(text) for text in texts]
    own = [each.own_size for each in sources]
    sizes = [size for size in own if size is not None]
    one_size = resolution is not None or apart or len(sizes) < len(own)
    if one_size or any(each.size for each in sources):
        made = tuple(each.make(resolution, {}) for each in sources)
        note = None if one_size else _differing_note(made, sizes[0])
        return Compared(made, note)
    shared = max(sizes)
    made = tuple(each.make(shared, {}) for each in sources)
    others = {
        f"{network.short_title}'s own is {dimensions(size)}": None
        for network, size in zip(made, sizes, strict=True)
        if size != shared
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


def _differing_note(made: tuple[Network, ...], size: Size) -> Wording | None:
    """Say how to compare at one size, where each network has its own."""
    if len({network.size for network in made}) == 1:
        return None
    return advice(
        "Each at the size in its name, or else at its own; {} without sizes in the names "
        "compares all at one.",
        Option("resolution", size[0]),
    )
