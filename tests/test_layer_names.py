from __future__ import annotations

import pytest

from rsinspect.base.errors import UnknownPath
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.keras_names import keras_name, layer_path

# Names read off tf_keras's own model and off the article's, irregularities included
REFERENCE = {
    "keras": {
        "stem/conv1": "stem_1_stem_conv_1",
        "stem/bn4": "stem_1_stem_batch_norm_4",
        "c3/block0/conv1": "BlockGroup3__block_0__conv_1",
        "c3/block0/bn1": "BlockGroup3__block_0_batch_norm_1",
        "c3/block0/bn2": "BlockGroup3__block_0__batch_norm_2",
        "c4/block22/se/reduce": "BlockGroup4__block_22__se_se_reduce",
        "c5/block0/shortcut/pool": "BlockGroup5__block_0__projection_pooling",
        "c2/block1/out": "BlockGroup2__block_1__output_act",
        "c2/block1/drop": "BlockGroup2__block_1__drop",
        "head/dropout": "top_dropout",
        "head/classifier": "predictions",
    },
    "article": {
        "stem/conv1": "stem_stem_conv_1",
        "stem/bn3": "stem_stem_batch_norm_3",
        "stem/bn4": "stemstem_batch_norm_4",
    },
}


@pytest.mark.parametrize(
    ("dialect", "path", "name"),
    [(dialect, *pair) for dialect, names in REFERENCE.items() for pair in names.items()],
)
def test_names_are_those_of_the_reference_both_ways(dialect: str, path: str, name: str) -> None:
    assert keras_name(path, DIALECTS[dialect]) == name
    assert layer_path(name, DIALECTS[dialect]) == path


@pytest.mark.parametrize("path", ["stem", "c4/block1", "c4/block1/conv4", "tail/x", ""])
def test_a_path_without_a_layer_has_no_name(path: str) -> None:
    with pytest.raises(UnknownPath):
        keras_name(path, DIALECTS["keras"])


@pytest.mark.parametrize("name", ["conv2d_7", "BlockGroup4__block_1__conv_9", "stem_stem_conv_1"])
def test_a_foreign_name_has_no_path(name: str) -> None:
    with pytest.raises(UnknownPath):
        layer_path(name, DIALECTS["keras"])
