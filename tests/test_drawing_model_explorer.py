from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from rsinspect.base.errors import UnknownPicture
from rsinspect.drawing.formats import companions, render
from rsinspect.drawing.model_explorer import (
    METRICS,
    file_names,
    graph_collection,
    node_data,
)
from rsinspect.drawing.overlay import Measured, overlay
from rsinspect.drawing.scene import Fact, Node, Scene
from rsinspect.drawing.theme import contrast
from rsinspect.drawing.views import view
from rsinspect.layers.cost import Cost, layers_cost
from rsinspect.layers.structure import structure_of
from rsinspect.networks.network import resnet_rs
from rsinspect.networks.resnet_rs import build_graph
from rsinspect.networks.spec import ResNetRSSpec
from tests.conftest import python
from tests.networks import saved

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytest_plugins = ("tests.browser",)

SPECS = {
    "50": ResNetRSSpec.variant(50),
    "101": ResNetRSSpec.variant(101),
    "420": ResNetRSSpec.variant(420),
    "paper-prose": ResNetRSSpec.variant(101, dialect="paper-prose"),
    "article": ResNetRSSpec.variant(50, dialect="article"),
    "own": ResNetRSSpec(blocks=(1, 2), include_top=False, se_ratio=0.0, preprocessing=False),
}

TEXT = {"type": "string"}
COLOUR = {"type": "string", "pattern": "^#[0-9a-f]{6}$"}
ATTRIBUTES = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["key", "value"],
        "properties": {"key": TEXT, "value": TEXT},
        "additionalProperties": False,
    },
}
METADATA = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["id", "attrs"],
        "properties": {"id": TEXT, "attrs": ATTRIBUTES},
        "additionalProperties": False,
    },
}


def closed(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    """An object with these keys and no others."""
    return {
        "type": "object",
        "required": list(required),
        "properties": required | optional,
        "additionalProperties": False,
    }


def many(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


OVERLAY = closed(
    {"name": TEXT, "edgeColor": COLOUR},
    edges=many(closed({"sourceNodeId": TEXT, "targetNodeId": TEXT}, label=TEXT)),
    edgeWidth={"type": "number"},
    edgeLabelFontSize={"type": "number"},
    showEdgesConnectedToSelectedNodeOnly={"type": "boolean"},
    visibleEdgeHops={"type": "integer"},
)
GRAPH = closed(
    {
        "id": TEXT,
        "nodes": many(
            closed(
                {"id": TEXT, "label": TEXT, "namespace": TEXT},
                attrs=ATTRIBUTES,
                incomingEdges=many(
                    closed({"sourceNodeId": TEXT}, sourceNodeOutputId=TEXT, targetNodeInputId=TEXT)
                ),
                outputsMetadata=METADATA,
                inputsMetadata=METADATA,
                style=closed(
                    {},
                    backgroundColor=COLOUR,
                    borderColor=COLOUR,
                    hoveredBorderColor=COLOUR,
                    textColor=COLOUR,
                ),
            )
        ),
    },
    groupNodeAttributes={
        "type": "object",
        "additionalProperties": {"type": "object", "additionalProperties": TEXT},
    },
    groupNodeConfigs=many(
        closed(
            {"namespaceRegex": {"type": "string", "format": "regex"}},
            layoutDirection={"enum": [0, 1]},
            backgroundColor=COLOUR,
            borderColor=COLOUR,
            textColor=COLOUR,
        )
    ),
    tasksData=closed(
        {},
        edgeOverlaysDataListLeftPane=many(
            closed(
                {"type": {"const": "edge_overlays"}, "name": TEXT, "overlays": many(OVERLAY)},
                graphName=TEXT,
            )
        ),
    ),
)
COLLECTION = closed({"label": TEXT, "graphs": many(GRAPH)})
STAT = {"enum": ["min", "max", "sum", "avg"]}
NODE_DATA = {
    "type": "object",
    "additionalProperties": closed(
        {
            "results": {
                "type": "object",
                "additionalProperties": closed({"value": {"type": "number"}}),
            }
        },
        name=TEXT,
        gradient=many(
            closed(
                {"stop": {"type": "number", "minimum": 0, "maximum": 1}},
                bgColor=COLOUR,
                textColor=COLOUR,
            )
        ),
        hideAggregatedStats=many(STAT),
    ),
}
"""Both after ``input_graph.ts``, ``edge_overlays.ts`` and ``types.ts`` of Model Explorer 0.1.34."""


@cache
def scene(name: str) -> Scene:
    return view(resnet_rs(SPECS[name]), "layers")


@cache
def graph_of(name: str) -> dict[str, Any]:
    (graph,) = graph_collection(scene(name))["graphs"]
    found: dict[str, Any] = graph
    return found


@pytest.fixture(params=SPECS)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.mark.slow
def test_documents_have_the_keys_that_model_explorer_reads_and_text_for_attributes(
    name: str,
) -> None:
    validator = jsonschema.Draft202012Validator(
        COLLECTION, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    assert [error.message for error in validator.iter_errors(graph_collection(scene(name)))] == []
    for document in node_data(scene(name)).values():
        jsonschema.validate(document, NODE_DATA)


def test_the_schema_refuses_an_attribute_that_is_a_number() -> None:
    document = json.loads(render(scene("own"), "me.json"))
    document["graphs"][0]["nodes"][0]["attrs"][0]["value"] = 3
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, COLLECTION)


def test_every_layer_is_one_node_and_its_edges_are_its_inputs(name: str) -> None:
    layers = build_graph(SPECS[name])
    nodes = graph_of(name)["nodes"]
    assert [node["id"] for node in nodes] == [layer.path for layer in layers]
    for node in nodes:
        edges = node["incomingEdges"]
        inputs = layers.layer(node["id"]).inputs
        assert [edge["sourceNodeId"] for edge in edges] == list(inputs)
        assert [edge["targetNodeInputId"] for edge in edges] == [str(i) for i in range(len(inputs))]


def test_namespaces_are_stage_block_and_module(name: str) -> None:
    layers = build_graph(SPECS[name])
    modules = Counter[str]()
    for node in graph_of(name)["nodes"]:
        assert node["id"] == f"{node['namespace']}/{node['id'].rpartition('/')[2]}"
        assert node["namespace"].startswith(structure_of(layers).group_of(node["id"]).stage)
        modules[re.sub(r"\d+", "#", node["namespace"])] += 1
    blocks = {"c#/block#", "c#/block#/shortcut", *(["c#/block#/se"] if name != "own" else [])}
    assert set(modules) - {"input", "stem", "head"} == blocks


def test_stages_and_blocks_and_nothing_else_have_attributes(name: str) -> None:
    layers = build_graph(SPECS[name])
    stages = [stage.path for stage in structure_of(layers).stages]
    blocks = [group.path for group in structure_of(layers).groups if group.is_block]
    attributes = graph_of(name)["groupNodeAttributes"]
    assert set(attributes) == {"", *stages, *blocks}
    assert all(value for group in attributes.values() for value in group.values())


def test_blocks_that_only_grow_are_not_called_identical() -> None:
    document = json.loads(render(view(saved("DenseNet121"), "layers"), "me.json"))
    attributes = document["graphs"][0]["groupNodeAttributes"]
    kinds = [group["alike"] for group in attributes.values() if "alike" in group]
    assert "one of 24 blocks of one form, growing width, each with weights of its own" in kinds
    assert not any("identical" in group for group in attributes.values())


def test_attributes_of_a_block_say_of_how_many_it_is_one() -> None:
    attributes = graph_of("101")["groupNodeAttributes"]
    assert attributes["c4"]["blocks 1-22"].startswith(
        "identity; 22 identical blocks, each with weights of its own; 1×1, 256 → 3×3, 256"
    )
    assert attributes["c4/block22"]["identical"] == (
        "one of 22 identical blocks, each with weights of its own"
    )
    assert "identical" not in attributes["c4/block0"]
    assert attributes["c4/block0"]["block"] == "downsampling block 0"


def exact(text: str) -> int:
    """The exact number at the start of an attribute."""
    found = re.match(r"[\d ]+\d|\d", text)
    assert found
    return int(found.group().replace(" ", ""))


@pytest.mark.parametrize("metric", ["params", "macs", "flops", "activation_bytes"])
def test_values_add_up_to_what_stages_and_blocks_and_the_network_state(
    name: str, metric: str
) -> None:
    values = node_data(scene(name))[metric][SPECS[name].name]["results"]
    for group, attributes in graph_of(name)["groupNodeAttributes"].items():
        inside = [path for path in values if path.startswith(f"{group}/") or not group]
        assert sum(values[path]["value"] for path in inside) == exact(attributes[metric])


def test_values_add_up_to_the_cost_of_the_network(name: str) -> None:
    layers = build_graph(SPECS[name])
    whole: Cost = layers_cost(layers, layers)
    sums = {
        metric: sum(item["value"] for item in document[SPECS[name].name]["results"].values())
        for metric, document in node_data(scene(name)).items()
    }
    assert sums == {
        "params": whole.params,
        "macs": whole.macs,
        "flops": whole.flops("paper"),
        "activation_bytes": whole.activation_bytes(),
    }


def overlays(name: str) -> dict[str, list[tuple[str, str]]]:
    return {
        overlay["name"]: [(edge["sourceNodeId"], edge["targetNodeId"]) for edge in overlay["edges"]]
        for data in graph_of(name)["tasksData"]["edgeOverlaysDataListLeftPane"]
        for overlay in data["overlays"]
    }


def test_each_sum_ends_one_shortcut_among_the_overlays(name: str) -> None:
    sums = [node["id"] for node in graph_of(name)["nodes"] if node["label"] == "add"]
    heads = [head for edges in overlays(name).values() for _, head in edges if head in sums]
    assert len(sums) == sum(SPECS[name].blocks)
    assert sorted(heads) == sorted(sums)


def test_an_identity_shortcut_comes_from_the_block_before(name: str) -> None:
    for tail, head in overlays(name)["identity shortcuts"]:
        stage, block, _ = tail.split("/")
        assert tail == f"{stage}/{block}/out"
        assert head == f"{stage}/block{int(block.removeprefix('block')) + 1}/add"


def test_a_projection_is_an_unbroken_chain_from_the_stage_before_to_the_sum(name: str) -> None:
    steps = dict(overlays(name)["projection shortcuts"])
    starts = steps.keys() - steps.values()
    assert len(starts) == len(SPECS[name].blocks)
    hops = graph_of(name)["tasksData"]["edgeOverlaysDataListLeftPane"][0]["overlays"][1]
    for start in starts:
        chain = [start]
        while chain[-1] in steps:
            chain.append(steps[chain[-1]])
        assert chain[-1].endswith("/block0/add")
        assert start.split("/")[0] != chain[-1].split("/")[0]
        assert len(chain) - 1 <= hops["visibleEdgeHops"]


def test_ends_of_overlays_are_nodes(name: str) -> None:
    nodes = {node["id"] for node in graph_of(name)["nodes"]}
    ends = {path for edges in overlays(name).values() for edge in edges for path in edge}
    assert ends
    assert ends <= nodes


def test_inputs_of_sums_and_gates_say_what_they_carry() -> None:
    nodes = {node["id"]: node for node in graph_of("101")["nodes"]}

    def tags(path: str) -> list[str]:
        return [item["attrs"][0]["value"] for item in nodes[path]["inputsMetadata"]]

    assert tags("c4/block0/add") == ["projection shortcut", "data"]
    assert tags("c4/block1/add") == ["identity shortcut", "data"]
    assert tags("c4/block1/se/excite") == ["data", "SE gate"]
    assert "inputsMetadata" not in nodes["stem/conv1"]


def test_tensor_shapes_leave_the_batch_open() -> None:
    nodes = {node["id"]: node for node in graph_of("101")["nodes"]}

    def shape(path: str) -> str:
        (output,) = nodes[path]["outputsMetadata"]
        found: str = output["attrs"][0]["value"]
        return found

    assert shape("c4/block1/add") == "float32[?,12,12,1024]"
    assert shape("head/classifier") == "float32[?,1000]"


def test_the_first_configuration_that_matches_a_namespace_is_the_one_meant_for_it() -> None:
    configs = graph_of("101")["groupNodeConfigs"]

    def first(namespace: str) -> dict[str, Any]:
        return next(item for item in configs if re.search(item["namespaceRegex"], namespace))

    assert first("c4/block3/se")["layoutDirection"] == 1
    assert first("c4/block0/shortcut")["layoutDirection"] == 1
    assert "layoutDirection" not in first("c4/block3")
    kinds = ("stem", "c4", "head", "c4/block3", "c4/block3/se")
    assert len({first(namespace)["backgroundColor"] for namespace in kinds}) == len(kinds)


def interpolated(gradient: list[dict[str, Any]], level: float, key: str) -> str:
    """As ``getColorFromGradient`` of Model Explorer finds a colour: first fitting pair of stops."""
    one, other = next((a, b) for a, b in pairwise(gradient) if a["stop"] <= level <= b["stop"])
    ratio = (level - one["stop"]) / (other["stop"] - one["stop"])
    parts = [(int(one[key][i : i + 2], 16), int(other[key][i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{int(a + (b - a) * ratio):02x}" for a, b in parts)


def test_text_can_be_read_on_every_colour_of_the_gradient() -> None:
    gradient = node_data(scene("50"))["macs"]["resnet-rs-50"]["gradient"]
    stops = [item["stop"] for item in gradient]
    assert stops == sorted(stops)
    assert (stops[0], stops[-1]) == (0, 1)
    for step in range(1001):
        fill, text = (interpolated(gradient, step / 1000, key) for key in ("bgColor", "textColor"))
        assert contrast(fill, text) >= 4.5, step


def test_a_latency_known_of_stages_stays_with_the_stages() -> None:
    measured = Measured(latency_s={"c4": 0.0125}, conditions="batch 1, float32")
    timed = overlay(scene("101"), "latency", measured=measured)
    (graph,) = graph_collection(timed)["graphs"]
    attributes = graph["groupNodeAttributes"]
    assert attributes["c4"]["latency_s"] == "12.5 ms measured"
    assert "batch 1, float32" in attributes[""]["latency_s"]
    assert "latency_s" not in attributes["c5"]
    assert "latency_s" not in node_data(timed)


def test_a_latency_known_of_layers_is_node_data() -> None:
    def timed(node: Node) -> Node:
        fact = Fact(key="latency_s", value=0.001, text="1.00 ms measured")
        facts = node.facts if node.children else (*node.facts, fact)
        return replace(node, facts=facts, children=tuple(map(timed, node.children)))

    (panel,) = scene("50").panels
    panel = replace(panel, nodes=tuple(map(timed, panel.nodes)))
    document = node_data(replace(scene("50"), panels=(panel,)))["latency_s"]["resnet-rs-50"]
    assert len(document["results"]) == 274
    assert document["name"] == METRICS["latency_s"]


def test_a_deep_scene_gives_the_same_layers_as_the_layers_view() -> None:
    (graph,) = graph_collection(view(resnet_rs(SPECS["101"]), "stages", deep=True))["graphs"]
    for key in ("nodes", "tasksData", "groupNodeConfigs"):
        assert graph[key] == graph_of("101")[key]
    both = graph["groupNodeAttributes"], graph_of("101")["groupNodeAttributes"]
    assert both[0].pop("") != {}
    assert both[0] == {key: value for key, value in both[1].items() if key}


@pytest.mark.parametrize("name", ["figure6", "stages", "blocks"])
def test_a_picture_that_leaves_layers_out_is_refused(name: str) -> None:
    closed_scene = view(resnet_rs(SPECS["50"]), name)
    with pytest.raises(UnknownPicture, match="every layer"):
        graph_collection(closed_scene)
    with pytest.raises(UnknownPicture, match="every layer"):
        node_data(closed_scene)


def test_any_characters_survive_in_labels() -> None:
    odd = 'custom:</script>"\\ ;/é×'
    spec = ResNetRSSpec(blocks=(1,), activation=odd)
    document = json.loads(render(view(resnet_rs(spec), "layers"), "me.json"))
    labels = {node["label"] for node in document["graphs"][0]["nodes"]}
    assert odd.removeprefix("custom:") in labels


def test_node_data_lies_beside_the_graph() -> None:
    assert file_names(Path("d/rs101.me.json"), METRICS)["params"] == Path(
        "d/rs101.params.node_data.json"
    )
    for odd in ("rs101.json", "rs101", "RS101.ME.JSON"):
        (found,) = file_names(Path(odd), ["macs"]).values()
        assert found.name.lower() == "rs101.macs.node_data.json"
    assert len(set(file_names(Path("x.me.json"), METRICS).values())) == len(METRICS)


def test_the_same_network_gives_the_same_bytes_in_every_process() -> None:
    code = """if True:
        import hashlib, pathlib
        from rsinspect.drawing.formats import companions, render
        from rsinspect.drawing.views import view
        from rsinspect.networks.network import resnet_rs
        from rsinspect.networks.spec import ResNetRSSpec
        scene = view(resnet_rs(ResNetRSSpec(blocks=(1, 2))), "layers")
        files = companions(scene, "me.json", pathlib.Path("x.me.json"))
        content = b"".join([render(scene, "me.json"), *files.values()])
        print(hashlib.sha256(content).hexdigest(), len(files))
    """
    one, other = (python(code, PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert one.stdout == other.stdout
    assert one.stdout.endswith(" 4\n")


@pytest.fixture(scope="module")
def model_explorer() -> Path:
    """Google's program; its interpreter stands beside it."""
    found = shutil.which("model-explorer")
    if found is None:
        pytest.skip("Model Explorer is not installed (pip install ai-edge-model-explorer)")
    return Path(found)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """The graph of resnet-rs-101 and its node data, written."""
    output = tmp_path / "rs101.me.json"
    content = {output: render(scene("101"), "me.json")} | companions(
        scene("101"), "me.json", output
    )
    for path, text in content.items():
        path.write_bytes(text)
    return list(content)


@pytest.fixture
def address(model_explorer: Path, files: list[Path]) -> Iterator[str]:
    """Of a Model Explorer that serves them."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    graph, *data = map(str, files)
    command = [str(model_explorer), graph, f"--node_data_paths={','.join(data)}"]
    options = ["--no_open_in_browser", "--skip_health_check", f"--port={port}"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield next(line.strip() for line in process.stdout if line.startswith("http://"))
        finally:
            process.kill()


@pytest.mark.slow
def test_model_explorers_own_types_accept_the_files(
    model_explorer: Path, files: list[Path]
) -> None:
    code = """if True:
        import json, sys
        from dacite import from_dict
        from model_explorer.graph_builder import GraphCollection
        from model_explorer.node_data_builder import GraphNodeData
        graph, *data = [json.load(open(path, encoding="utf-8")) for path in sys.argv[1:]]
        collection = from_dict(GraphCollection, graph)
        values = [from_dict(GraphNodeData, document[collection.graphs[0].id]) for document in data]
        print(len(collection.graphs[0].nodes), [len(each.results) for each in values])
    """
    interpreter = model_explorer.resolve().with_name("python")
    done = subprocess.run(
        [interpreter, "-c", code, *files], capture_output=True, text=True, check=False, timeout=600
    )
    assert done.stdout == "529 [529, 529, 529, 529]\n", done.stderr


@pytest.mark.slow
def test_model_explorer_shows_the_network_and_adds_up_the_same_totals(
    address: str, chromium: Browser
) -> None:
    page = chromium.new_page(viewport={"width": 1600, "height": 1000})
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(address)
    page.get_by_text("63724296").wait_for(timeout=300_000)
    text = page.inner_text("body")
    page.close()
    assert problems == []
    assert "Error" not in text
    assert "529 nodes" in text
    assert all(METRICS[metric] in text for metric in ("params", "macs", "flops"))
    assert "6012157952" in text
    assert "ResNet-RS-101 @ 192×192: 63.7 M params" in text
