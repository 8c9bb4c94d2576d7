"""Networks that nobody thought of, and the same networks under other names."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from rsinspect.layers.graph import LayerGraph
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.network import Network, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec

sizes = st.tuples(st.integers(32, 260), st.integers(32, 260))

specs = st.builds(
    ResNetRSSpec,
    blocks=st.lists(st.integers(1, 6), min_size=1, max_size=5).map(tuple),
    resolution=sizes,
    width=st.sampled_from([0.25, 0.5, 0.75, 1.0, 1.1, 1.5, 2.0]),
    channels=st.sampled_from([1, 3, 4]),
    classes=st.integers(1, 2000),
    se_ratio=st.sampled_from([0.0, 0.1, 0.25, 1.0]),
    drop_path_rate=st.sampled_from([0.0, 0.1, 0.3]),
    dropout_rate=st.sampled_from([0.0, 0.25]),
    include_top=st.booleans(),
    pooling=st.sampled_from([None, "avg", "max"]),
    preprocessing=st.booleans(),
    bn_momentum=st.sampled_from([0.0, 0.9]),
    dialect=st.sampled_from(list(DIALECTS.values())),
)

networks = specs.map(resnet_rs)


def opaque(graph: LayerGraph) -> dict[str, str]:
    """Give every layer a name that says nothing and sorts in no order of the network."""
    count = len(graph)
    step = next(step for step in (7919, 7907, 7901) if count % step)
    return {layer.path: f"x{(index * step) % count:05}q" for index, layer in enumerate(graph)}


def scrambled(network: Network) -> Network:
    """The same network under its title, with every path opaque."""
    names = opaque(network.graph)
    layers = tuple(
        x._replace(
            path=names[x.path],
            inputs=tuple(names[path] for path in x.inputs),
            shares=x.shares and names[x.shares],
        )
        for x in network.graph
    )
    graph = LayerGraph(
        network.graph.name, layers, tuple(names[path] for path in network.graph.outputs)
    )
    return replace(network, graph=graph, names={x.path: x.path for x in graph}, spec=None)
