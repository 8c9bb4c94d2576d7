"""The reader of Keras configurations on texts written by hand: no Keras, and no trust."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from rsinspect.base.errors import GraphError, InvalidSpec, RsInspectError
from rsinspect.layers import ops
from rsinspect.layers.graph import LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.layers.resize import resized
from rsinspect.networks.keras_config import from_keras_config
from rsinspect.networks.keras_live import from_keras_model
from tests.networks import network_of

Row = dict[str, Any]


def tensor(name: str, shape: Any = None, node: int = 0, index: int = 0) -> Row:
    """An edge as Keras 3 writes it."""
    config = {"shape": shape, "dtype": "float32", "keras_history": [name, node, index]}
    return {"class_name": "__keras_tensor__", "config": config}


def layer(
    class_name: str, name: str, *reads: Any, module: str = "keras.layers", **config: Any
) -> Row:
    """A layer as Keras 3 writes it, called once on each tuple of tensors, or once on all."""
    calls = reads if any(isinstance(read, tuple) for read in reads) else [reads] if reads else []
    nodes = [{"args": list(call), "kwargs": {}} for call in calls]
    return {
        "module": module,
        "class_name": class_name,
        "config": {"name": name, **config},
        "name": name,
        "inbound_nodes": nodes,
    }


def image(name: str = "image", *sides: int | None) -> Row:
    shape = [None, *(sides or (32, 32, 3))]
    return {**layer("InputLayer", name, batch_shape=shape), "inbound_nodes": []}


def model(*rows: Row, inputs: Any = None, outputs: Any = None, name: str = "m") -> Row:
    """A functional model of those layers; the last one's output by default."""
    return {
        "name": name,
        "layers": list(rows),
        "input_layers": inputs or [["image", 0, 0]],
        "output_layers": outputs or [[rows[-1]["name"], 0, 0]],
    }


def nested(config: Row, *reads: Any) -> Row:
    return {**layer("Functional", config["name"], *reads), "config": config}


def dense(name: str, *reads: Any, units: int = 3) -> Row:
    return layer("Dense", name, *reads, units=units, activation="linear", use_bias=True)


def test_a_layer_called_twice_shares_its_weights() -> None:
    rows = (image(), dense("d", (tensor("image"),), (tensor("d"),), units=3))
    read = from_keras_config(model(*rows, outputs=[["d", 1, 0]]))
    assert [(one.path, one.shares) for one in read.graph][1:] == [("d", None), ("d.2", "d")]
    assert read.cost.params == 3 * 3 + 3
    assert read.names["d.2"] == "d"


def test_paths_are_kept_apart_from_names_that_look_like_them() -> None:
    rows = [image(), dense("a", (tensor("image"),), (tensor("a"),))]
    rows += [dense(f"a.{number}", tensor("image")) for number in range(2, 3_000)]
    paths = [one.path for one in from_keras_config(model(*rows)).graph]
    assert len(set(paths)) == len(paths) == 3_001
    rows.insert(1, rows.pop())
    assert len(from_keras_config(model(*rows[::-1], name="m")).graph) == 3_001


def test_calls_may_be_written_in_any_order() -> None:
    """A(B(A(x))): A's second call reads B, which reads its first."""
    rows = (
        image(),
        dense("a", (tensor("image"),), (tensor("b"),)),
        dense("b", tensor("a")),
    )
    read = from_keras_config(model(*rows, outputs=[["a", 1, 0]]))
    assert [one.path for one in read.graph] == ["image", "a", "b", "a.2"]


def test_models_in_models_are_inlined_and_told_apart_by_use() -> None:
    inner = model(image("x"), dense("d", tensor("x")), name="inner", inputs=[["x", 0, 0]])
    outer = model(
        image("y"),
        nested(inner, (tensor("y"),), (tensor("inner", None, 1),)),
        name="outer",
        inputs=["y", 0, 0],
        outputs=["inner", 2, 0],
    )
    read = from_keras_config(
        model(image(), nested(outer, tensor("image")), outputs=[["outer", 1, 0]])
    )
    assert [(one.path, one.shares) for one in read.graph][1:] == [
        ("outer/inner/d", None),
        ("outer/inner.2/d", "outer/inner/d"),
    ]
    assert read.names["outer/inner.2/d"] == "outer/inner/d"


def test_a_layer_that_stands_in_two_models_is_one_where_the_file_says_so() -> None:
    inner = model(
        image("x"), dense("d", tensor("x")) | {"shared_object_id": 7}, inputs=[["x", 0, 0]]
    )
    shared = dense("again", tensor("m", None, 1)) | {"shared_object_id": 7}
    read = from_keras_config(model(image(), nested(inner, tensor("image")), shared))
    assert read.graph.layer("again").shares == "m/d"


def test_keras_3_asks_each_layer_whether_it_is_frozen_and_keras_2_the_model_around_it() -> None:
    def read(*reads: Any) -> tuple[int, int]:
        inner = model(image("x"), dense("d", *reads), name="base", inputs=[["x", 0, 0]])
        inner["trainable"] = False
        outer = nested(inner)
        outer["inbound_nodes"] = [[["image", 0, 0, {}]]]
        cost = from_keras_config(model(image(), outer, outputs=[["base", 1, 0]])).cost
        return cost.trainable_params, cost.non_trainable_params

    assert read(tensor("x")) == (0, 12)  # its outer model is written as Keras 2 does
    rows = (image(), dense("d", tensor("image")), dense("e", tensor("d")))
    rows[1]["config"]["trainable"] = False
    cost = from_keras_config(model(*rows)).cost
    assert (cost.trainable_params, cost.non_trainable_params) == (12, 12)


def test_what_keras_2_writes_without_shapes_is_inferred() -> None:
    rows = (
        {"class_name": "InputLayer", "name": "image", "inbound_nodes": [],
         "config": {"name": "image", "batch_input_shape": [None, 8, 8, 3]}},
        {"class_name": "TFOpLambda", "config": {"name": "minus", "function": "math.subtract"},
         "name": "minus",
         "inbound_nodes": [["_CONSTANT_VALUE", -1, 1.0, {"y": ["image", 0, 0], "name": None}]]},
        {"class_name": "TFOpLambda", "config": {"name": "square", "function": "math.square"},
         "name": "square", "inbound_nodes": [["minus", 0, 0, {"name": None}]]},
        {"class_name": "Concatenate", "config": {"name": "both", "axis": -1}, "name": "both",
         "inbound_nodes": [[["minus", 0, 0, {}], ["square", 0, 0, {}]]]},
    )  # fmt: skip
    read = from_keras_config(model(*rows))
    assert read.graph.layer("minus").op == ops.Arithmetic("subtract", 1.0, reverse=True)
    assert read.graph.layer("square").op == ops.Opaque("tf.math.square", TensorShape(8, 8, 3), ())
    assert read.graph.output.shape == (8, 8, 6)


def test_a_function_is_told_from_a_layer_where_an_h5_file_names_no_modules() -> None:
    """Both are called ``Add`` there; a layer has more settings than its name."""
    three = layer("Add", "three", tensor("image"), 3.0)
    both = layer("Add", "both", [tensor("image"), tensor("three")], trainable=True, dtype="float32")
    for row in (three, both):
        del row["module"]
    read = from_keras_config(model(image(), three, both))
    assert read.graph.layer("three").op == ops.Arithmetic("add", 3.0)
    assert read.graph.layer("both").op == ops.Add()


def test_what_no_op_describes_keeps_the_shape_its_readers_are_told() -> None:
    rows = (
        image(),
        layer("Fancy", "f", tensor("image"), module="mine"),
        dense("d", tensor("f", [None, 7, 5])),
    )
    asked: list[tuple[str, ...]] = []

    def weights(names: tuple[str, ...]) -> tuple[tuple[tuple[int, ...], ...], int]:
        asked.append(names)
        return ((9,), (2, 2), (4,)), 1

    read = from_keras_config(model(*rows), weights=weights)
    assert asked == [("f",)]
    assert read.graph.layer("f").op == ops.Opaque(
        "Fancy", TensorShape(7, 5), ((2, 2), (9,), (4,)), 1
    )
    assert read.cost.uncounted == 1
    assert from_keras_config(model(*rows)).cost.unweighed == 1


def test_a_chain_tells_shapes_by_what_its_layers_were_built_for() -> None:
    rows = [
        image(),
        layer("Fancy", "f", module="mine"),
        layer("Dense", "d", units=3, use_bias=True) | {"build_config": {"input_shape": [None, 5]}},
    ]
    chain = {"name": "chain", "layers": rows}
    read = from_keras_config(chain)
    assert read.graph.layer("f").op == ops.Opaque("Fancy", TensorShape(5))
    assert read.graph.output.shape == (3,)


def test_a_function_at_the_end_has_the_shape_it_was_given_with() -> None:
    last = layer("Lambda", "l", tensor("image"), output_shape=[4, 2])
    assert from_keras_config(model(image(), last)).graph.output.shape == (4, 2)


def test_a_class_of_somebody_elses_is_not_keras_s_of_the_same_name() -> None:
    rows = (
        image(),
        dense("d", tensor("image")) | {"module": "mine"},
        dense("e", tensor("d", [1, 9])),
    )
    assert from_keras_config(model(*rows)).graph.layer("d").op.kind == "Opaque"


def test_an_op_that_gives_another_shape_than_is_told_is_opaque() -> None:
    rows = (image(), dense("d", tensor("image")), dense("e", tensor("d", [None, 5, 5])))
    read = from_keras_config(model(*rows))
    assert read.graph.layer("d").op.kind == "Opaque"
    assert read.graph.layer("e").shape == (5, 3)


def test_further_outputs_of_a_layer_are_layers_of_the_graph() -> None:
    state = tensor("r", [None, 4], index=1)
    rows = (
        image("image", 8, 2),
        layer("LSTM", "r", tensor("image"), units=4, return_state=True),
        layer("Add", "sum", [tensor("r", [None, 4]), state]),
    )
    read = from_keras_config(model(*rows))
    assert read.graph.layer("sum").inputs == ("r", "r[1]")
    assert read.graph.layer("r[1]").op == ops.Pick(1, TensorShape(4))
    assert read.cost.params == 4 * 4 * (2 + 4 + 1)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "keeps no layers"),
        ({"name": "x"}, "keeps no layers"),
        ({"name": "x", "layers": []}, "x has no layers"),
        ({"name": "x", "layers": [{}]}, "no layer of a Keras model"),
        ({"name": "x", "layers": [{"class_name": "Dense", "config": {}}]}, "has no name"),
        ([], "has no layers"),
        (None, "not the configuration"),
        (model(dense("d", tensor("d"))), "does not say which shape"),
        (model(image(), dense("d", tensor("e")), dense("e", tensor("d"))), "what it gives itself"),
        (model(image(), dense("d", tensor("d"))), "what it gives itself"),
        (model(image(), dense("d", tensor("ghost"))), "d reads ghost, which is not there"),
        (model(image(), dense("d", tensor("image", None, 0, 3))), "reads output 3 of image"),
        (model(image(), dense("d", tensor("image")), outputs=[["d", 0, 9]]), "is not in the"),
        (model(image(), image()), "two layers named image"),
        (model(image("image", 0, 3)), "every side of an input"),
        (model(image("image", 2**40, 3, 3)), "every side of an input"),
        (model(image("image", *[2] * 20)), "every side of an input"),
        (model(image(), layer("UpSampling2D", "u", tensor("image"), size=2**20)), "has the shape"),
        (model(image(), layer("Dense", "d", tensor("image"), units=-1)), "d: units is -1, and"),
        (model(image(), layer("Dense", "d", tensor("image"), units="9" * 99)), "units is .99"),
        (model(image(), layer("Conv2D", "c", tensor("image"), filters=10**18, kernel_size=3)),
         "c: filters is 1000000000000000000, and has to be a whole number of 1 to 16777216 in "),
        (model(image(), layer("Conv2D", "c", tensor("image"), filters=3, kernel_size="three")),
         "c: kernel_size is 'three'"),
        (model(image(), layer("Lambda", "l", tensor("image"))), "l: the output shape of"),
        (model(image(), layer("Mine", "x", tensor("image"), module="mine"),
               dense("d", tensor("x", [None, 4], index=2**70))), "has no output a number"),
        (model(image(), layer("", "x", tensor("image"))), "no layer of a Keras model"),
        (model(image("image", 8, 3), layer("Conv1D", "c", tensor("image"), filters=3, kernel_size=3,
               data_format="channels_first")), "c has the data format channels_first"),
        (model(image("bad\x1b[2J"), inputs=[["x", 0, 0]]), None),
    ],
)  # fmt: skip
def test_what_is_no_configuration_is_refused_in_a_line(config: Any, message: str | None) -> None:
    if message is None:
        assert from_keras_config(config).graph.image.path == "bad␛[2J"
        return
    with pytest.raises(GraphError, match=message) as caught:
        from_keras_config(config)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_nothing_named_in_a_configuration_is_imported() -> None:
    evil = layer("system", "x", tensor("image"), module="antigravity", command="touch /tmp/owned")
    with pytest.raises(GraphError, match="this system is not in the configuration"):
        from_keras_config(model(image(), evil))
    assert "antigravity" not in sys.modules


def test_depth_and_size_are_bounded() -> None:
    deep: Any = tensor("image")
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(GraphError, match="lists more than"):
        from_keras_config(model(image(), dense("d", deep)))
    inner = model(image("x"), name="n", inputs=[["x", 0, 0]])
    for _ in range(2_000):
        inner = model(image("x"), nested(inner, tensor("x")), name="n", inputs=[["x", 0, 0]],
                      outputs=[["n", 1, 0]])  # fmt: skip
    with pytest.raises(GraphError, match="nested more than"):
        from_keras_config(model(image(), nested(inner, tensor("image"))))
    many = [image(), *(dense(f"d{number}", tensor("image")) for number in range(50_001))]
    with pytest.raises(GraphError, match="are read at most"):
        from_keras_config(model(*many))


def test_a_model_that_doubles_itself_at_every_level_is_stopped() -> None:
    inner = model(image("x"), dense("d", tensor("x")), name="n", inputs=[["x", 0, 0]])
    for _ in range(20):
        twice = nested(inner, (tensor("x"),), (tensor("n", None, 1),))
        inner = model(image("x"), twice, name="n", inputs=[["x", 0, 0]], outputs=[["n", 2, 0]])
    with pytest.raises(GraphError, match="more than 50000 layers"):
        from_keras_config(model(image(), nested(inner, tensor("image"))))


def test_every_value_may_be_of_any_type() -> None:
    """Whatever stands in the place of whatever: one error of ours, or a network."""
    rows = (
        image(),
        layer("Conv2D", "c", tensor("image"), filters=4, kernel_size=[3, 3], strides=[1, 1],
              padding="same", activation="relu", use_bias=True, groups=1, dilation_rate=[1, 1]),
        layer("Dropout", "dr", tensor("c", [None, 32, 32, 4]), rate=0.1,
              noise_shape=[None, 1, 1, 1]),
        layer("Normalization", "n", tensor("dr"), axis=[-1], mean=[0.1] * 4, variance=[1.0] * 4),
        layer("PReLU", "p", tensor("n"), shared_axes=[1, 2]),
        layer("Reshape", "r", tensor("p"), target_shape=[-1, 4]),
        layer("Multiply", "m2", tensor("r", [None, 1024, 4]), 2.0, module="keras.src.ops.numpy"),
        layer("GetItem", "g", tensor("m2"), [{"class_name": "__slice__", "config": {}}, 0],
              module="keras.src.ops.numpy"),
        layer("Bidirectional", "b", tensor("r"), layer=layer("LSTM", "l", units=2)),
        dense("last", tensor("g", [None, 4])),
    )  # fmt: skip
    strange: tuple[Any, ...] = (
        None,
        True,
        -1,
        0,
        2**70,
        1.5,
        float("nan"),
        "x",
        "",
        [],
        [[]],
        [None],
        {},
        {"a": 1},
    )
    whole = model(*rows)
    assert from_keras_config(whole).cost.params

    def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        found = []
        for key, each in items:
            found.append((*at, key))
            if isinstance(each, dict | list):
                found += places(each, (*at, key))
        return found

    def changed(value: Any, at: tuple[Any, ...], to: Any) -> Any:
        if not at:
            return to
        copy = dict(value) if isinstance(value, dict) else list(value)
        copy[at[0]] = changed(value[at[0]], at[1:], to)
        return copy

    messages = []
    for at in places(whole):
        for value in strange:
            try:
                messages.append(from_keras_config(changed(whole, at, value)).title)
            except RsInspectError as exc:
                messages.append(str(exc))
    assert len(set(messages)) > 100
    assert not any("\n" in message for message in messages)


def test_a_resized_network_is_the_one_made_at_that_size() -> None:
    small, large = network_of(50, resolution=(64, 96)), network_of(50, resolution=(160, 128))
    assert resized(small.graph, (160, 128)) == large.graph


@pytest.mark.parametrize(
    ("op", "why"),
    [
        (ops.Flatten(), "d .Dense. is for one size alone .it has weights for 48 numbers"),
        (ops.Reshape(TensorShape(48)), "x .Reshape. is for one size alone .cannot view"),
        (ops.Opaque("Mine", TensorShape(48), ()), "x .Mine. is for one size alone"),
        (ops.PReLU((4, 4, 3)), "x .PReLU. is for one size alone .it has slopes for 4×4×3"),
    ],
)
def test_the_first_layer_that_is_for_one_size_is_named(op: ops.Op, why: str) -> None:
    from rsinspect.layers.graph import Layer
    from rsinspect.layers.shapes import infer_shape

    shape = TensorShape(4, 4, 3)
    given = infer_shape(op, (shape,))
    last = ops.Dense(given.channels, 2)
    layers = (
        Layer("i", ops.Input(shape), (), shape),
        Layer("x", op, ("i",), given),
        Layer("d", last, ("x",), infer_shape(last, (given,))),
    )
    with pytest.raises(InvalidSpec, match=why):
        resized(LayerGraph("g", layers), (8, 8))


def test_a_model_that_cannot_tell_its_layers_is_refused() -> None:
    class Subclassed:
        def to_json(self) -> str:
            raise NotImplementedError

    with pytest.raises(GraphError, match="Subclassed keeps no layers"):
        from_keras_model(Subclassed())
