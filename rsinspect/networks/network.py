"""The one value at every door: a layer graph, its title, and what Keras calls its layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rsinspect.base.errors import GraphError, check_choice
from rsinspect.base.units import dimensions
from rsinspect.layers.cost import Cost
from rsinspect.layers.document import fingerprint, folding_to_json, from_json, to_json
from rsinspect.layers.fold import whole_cost
from rsinspect.layers.graph import LayerGraph
from rsinspect.layers.structure import Structure, structure_of
from rsinspect.networks.dialects import Dialect
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec

if TYPE_CHECKING:
    from rsinspect.layers.batch_norm import Folding
    from rsinspect.networks.recognition import Recognition

SCHEMA = "rsinspect.network/1"
"""Version of the network's JSON. 1: first."""
COMPACT = "rsinspect.network/2"
"""Of its short one (``networks.compact``). 2: first."""


class ReferenceNames(Mapping[str, str]):
    """Keras's name of each layer of a ResNet-RS, by path; made when a first one is looked up.

    Args:
        graph: Of the network.
        dialect: Whose names.
    """

    def __init__(self, graph: LayerGraph, dialect: Dialect) -> None:
        self._graph = graph
        self._dialect = dialect

    @cached_property
    def _names(self) -> dict[str, str]:
        from rsinspect.networks.keras_names import keras_name  # a table for people needs no names

        return {layer.path: keras_name(layer.path, self._dialect) for layer in self._graph}

    def __getitem__(self, path: str) -> str:
        return self._names[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._graph)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network: what every command, reader and public function takes.

    Attributes:
        graph: What it consists of.
        title: What people call it, with its image size: ``ResNet-RS-101 @ 192×192``.
        names: Keras's name of each layer, by path.
        spec: The numbers it was made from, where it is a ResNet-RS made here; else None.
        hazards: What somebody who loads the file that it comes from should know, a sentence each.
        weights: The file that has its weights, where it was read from one.
        precision: What its own file or model computes in, where that is not float32.
        folding: What became of its batch norms, where they were folded into other layers; ``names``
            and the file still have them.

    >>> network = resnet_rs(ResNetRSSpec.variant(101))
    >>> network.title, network.size, network.names["c4/block22/conv2"]
    ('ResNet-RS-101 @ 192×192', '192×192', 'BlockGroup4__block_22__conv_2')
    """

    graph: LayerGraph = field(repr=False)
    title: str
    names: Mapping[str, str] = field(repr=False, compare=False)
    spec: ResNetRSSpec | None = field(default=None, repr=False)
    hazards: tuple[str, ...] = field(default=(), repr=False, compare=False)
    weights: Path | None = field(default=None, repr=False, compare=False)
    precision: str | None = field(default=None, repr=False, compare=False)
    folding: Folding | None = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        """Return the name that programs know it by: ``resnet-rs-101``."""
        return self.graph.name

    @property
    def structure(self) -> Structure:
        """Return the stages and blocks."""
        return structure_of(self.graph)

    @property
    def cost(self) -> Cost:
        """Compute the cost of the whole network, for one image."""
        return whole_cost(self.graph)

    @property
    def resolution(self) -> tuple[int, int] | None:
        """Return height and width of the image; None where it does not take one image."""
        return self.graph.resolution

    @property
    def size(self) -> str:
        """Write the resolution as height x width; the inputs' shapes where several."""
        if self.resolution is not None:
            return dimensions(self.resolution)
        return ", ".join(str(layer.shape) for layer in self.graph.inputs)

    @property
    def example(self) -> str:
        """Say what the network is given at a time: an image, or any other example."""
        return "image" if self.resolution is not None else "example"

    @property
    def short_title(self) -> str:
        """Return the title without the size, for sentences with the size elsewhere."""
        return self.title.replace(f" @ {self.size}", "")

    @property
    def fingerprint(self) -> str:
        """Identify the network, whatever its names (``layers.document.fingerprint``)."""
        return fingerprint(self.graph)

    @property
    def recognised(self) -> Recognition | None:
        """Say which ResNet-RS this is, from its wiring alone, and where it departs from one.

        None where it is none.
        """
        from rsinspect.networks.recognition import Recognition, recognised  # not for a spec's own

        if self.spec is None:
            return self.graph.derived(recognised)
        return Recognition(self.spec, folded=self.folding is not None)

    @property
    def blocks(self) -> tuple[int, ...]:
        """Count the blocks of each stage that has blocks."""
        return tuple(len(stage.blocks) for stage in self.structure.stages if stage.has_blocks)

    def document(self) -> dict[str, Any]:
        """Identify the network in a JSON document: its ``model`` object.

        For a network that was not made here from a spec, what only a spec tells is that of the
        ResNet-RS that it is recognised as, and null where it is none, or departs before its head;
        what the head tells is null where it is another.
        """
        known, image = self.recognised, self.resolution
        spec = known.spec if known is not None and known.part in (None, "head") else None
        top = spec if known is not None and known.part is None else None
        return {
            "name": self.name,
            "depth": spec.depth if spec else None,
            "blocks": list(spec.blocks) if spec else None,
            "resolution": None if image is None else list(image),
            "dialect": spec.dialect.name if spec else None,
            "width": spec.width if spec else None,
            "channels": self.graph.inputs[0].shape.channels if image is not None else None,
            "classes": top.classes if top and top.include_top else None,
            "filters": list(spec.filters) if spec else None,
            "se_ratio": spec.se_ratio if spec else None,
            "activation": spec.activation if spec else None,
            "classifier_activation": top.classifier_activation if top else None,
            "include_top": top.include_top if top else None,
            "pooling": top.pooling if top else None,
            "preprocessing": spec.preprocessing if spec else None,
            "drop_path_rate": spec.drop_path_rate if spec else None,
            "dropout_rate": spec.dropout_rate if spec else None,
            "bn_momentum": spec.bn_momentum if spec else None,
            "bn_epsilon": spec.bn_epsilon if spec else None,
            "source": "graph" if self.spec is None else "spec",
            "recognised": known.document() if known is not None and self.spec is None else None,
            **({} if self.folding is None else {"batch_norm": self.folding.document()}),
            "fingerprint": self.fingerprint,
        }

    def save(self, path: str | Path) -> None:
        """Write the network to a ``.json`` file, which is MODEL text from then on.

        Raises:
            InvalidChoice: If the name does not end in ``.json``.
            OutputNotWritable: If the file cannot be written.
        """
        import json

        from rsinspect.base.files import write_whole

        path = Path(path)
        check_choice("suffix", path.suffix.lower() or path.name, (".json",))
        write_whole(path, (json.dumps(self.to_json()) + "\n").encode())

    def to_json(self) -> dict[str, Any]:
        """Write the whole network as plain JSON values; ``network_from_json`` reads it back.

        The spec is left out: what is measured or drawn is the graph.
        """
        document = {
            "schema": SCHEMA,
            "title": self.title,
            "names": dict(self.names),
            "graph": to_json(self.graph),
        }
        if self.folding is not None:
            document["folding"] = folding_to_json(self.folding)
        return document


def resnet_rs(spec: ResNetRSSpec) -> Network:
    """Make the network of a spec."""
    graph = build_graph(spec)
    names = ReferenceNames(graph, spec.dialect)
    return Network(graph=graph, title=spec.title, names=names, spec=spec)


def from_graph(graph: LayerGraph, names: Mapping[str, str] | None = None) -> Network:
    """Make a network of a bare graph, titled by its name and size.

    Args:
        graph: What it consists of.
        names: Keras's name of each layer, by path. By default the path itself, with two underscores
            for each slash, which Keras takes in no name.
    """
    if names is None:
        names = {layer.path: layer.path.replace("/", "__") for layer in graph}
    network = Network(graph=graph, title=graph.name, names=names)
    return replace(network, title=f"{graph.name} @ {network.size}") if graph.inputs else network


def at_size(network: Network, size: tuple[int, int] | None) -> Network:
    """Make a network at another size; as it is for None.

    Args:
        network: Made in any way.
        size: Height and width.

    Raises:
        SpecError: If one of its layers is for one size alone.

    >>> at_size(resnet_rs(ResNetRSSpec.variant(50)), (224, 224)).title
    'ResNet-RS-50 @ 224×224'
    """
    if size is None or size == network.resolution:
        return network
    if network.spec is not None:
        made = resnet_rs(network.spec.replace(resolution=size))
        return made if network.folding is None else folded(made)
    from rsinspect.layers.resize import resized  # a size is seldom asked for

    made = replace(network, graph=resized(network.graph, size))
    title, said, rest = network.title.partition(f" @ {network.size}")
    return replace(made, title=f"{title} @ {made.size}{rest if said else ''}")


def folded(network: Network) -> Network:
    """Fold each batch norm of a network that can be folded exactly, for inference.

    Args:
        network: Made in any way; one that was folded already is given back as it is.

    Returns:
        The same function with fewer layers: ``folding`` says what became of the others.

    >>> made = folded(resnet_rs(ResNetRSSpec.variant(50)))
    >>> made.title, made.folding.sentence()
    ('ResNet-RS-50 @ 160×160, batch norm folded', '56 batch norms folded, none stays.')
    """
    if network.folding is not None:
        return network
    from rsinspect.layers.batch_norm import fold_batch_norm  # it is seldom asked for

    graph, folding = fold_batch_norm(network.graph)
    title = f"{network.title}, batch norm folded" if folding.folds else network.title
    return replace(network, graph=graph, title=title, folding=folding)


def network_from_json(document: dict[str, Any]) -> Network:
    """Read the network that ``Network.to_json`` wrote, or ``compact.to_compact``.

    Raises:
        GraphError: If the document is damaged or of another schema.

    >>> network = resnet_rs(ResNetRSSpec.variant(50))
    >>> network_from_json(network.to_json()).fingerprint == network.fingerprint
    True
    """
    from rsinspect.base.codec import Damaged  # a published name reads no document
    from rsinspect.base.codec import from_json as read
    from rsinspect.base.quantities import Name

    if not isinstance(document, dict) or document.get("schema") not in (SCHEMA, COMPACT):
        raise GraphError(f"the document is not a network of {SCHEMA}")
    try:
        if document["schema"] == COMPACT:
            from rsinspect.networks.compact import to_whole

            document = to_whole(document)
        graph = from_json(document.get("graph", {}))
        title = read(document.get("title"), Name, "title")
        names = read(document.get("names"), dict[Name, Name], "names")
        folding = _folding(document, graph)
    except Damaged as exc:
        raise GraphError(f"the document is damaged: {exc}") from exc
    norms = () if folding is None else folding.norms
    for path in (*(layer.path for layer in graph), *norms):
        if path not in names:
            raise GraphError(f"the document is damaged: {path} has no name")
    return Network(graph=graph, title=title, names=names, folding=folding)


def _folding(document: dict[str, Any], graph: LayerGraph) -> Folding | None:
    """Read what became of batch norms that were folded; None where none were."""
    if document.get("folding") is None:
        return None
    from rsinspect.layers.records import folding_of

    return folding_of(document["folding"], graph)
