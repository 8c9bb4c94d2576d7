"""Path to reference Keras layer name and back.

``c4/block22/conv2`` is ``BlockGroup4__block_22__conv_2``.

The names are those of Keras 2's ``resnet_rs`` in a fresh process, irregularities included
(``BlockGroup3__block_0_batch_norm_1`` has one underscore fewer than its sisters; the article loses
one in ``stemstem_batch_norm_4``). Layers the reference leaves unnamed (paddings and additions) get
names of the same pattern.
"""

from __future__ import annotations

import re

from rsinspect.base.errors import UnknownPath
from rsinspect.networks.dialects import Dialect

_FIXED = {
    "input/image": "input_layer",
    "input/rescaling": "rescaling",
    "input/normalization": "normalization",
    "head/avg_pool": "avg_pool",
    "head/max_pool": "max_pool",
    "head/dropout": "top_dropout",
    "head/classifier": "predictions",
}
_IN_BLOCK = {
    "conv1": "_conv_1",
    "bn1": "batch_norm_1",
    "act1": "_act_1",
    "pad2": "_conv_2_pad",
    "conv2": "_conv_2",
    "bn2": "_batch_norm_2",
    "act2": "_act_2",
    "conv3": "_conv_3",
    "bn3": "_batch_norm_3",
    "se/squeeze": "_se_se_squeeze",
    "se/reshape": "_se_se_reshape",
    "se/reduce": "_se_se_reduce",
    "se/expand": "_se_se_expand",
    "se/excite": "_se_se_excite",
    "shortcut/pool": "_projection_pooling",
    "shortcut/conv": "_projection_conv",
    "shortcut/bn": "_projection_batch_norm",
    "drop": "_drop",
    "add": "_add",
    "out": "_output_act",
}
_IN_STEM = {"pad": "_stem_conv_{}_pad", "conv": "_stem_conv_{}", "bn": "_stem_batch_norm_{}",
            "act": "_stem_act_{}"}  # fmt: skip
_BLOCK_PATH = re.compile(r"c(\d+)/block(\d+)/(.+)")
_BLOCK_NAME = re.compile(r"BlockGroup(\d+)__block_(\d+)_(.+)")
_STEM_PATH = re.compile(r"stem/(pad|conv|bn|act)(\d+)")
_STEM_POOL = {"stem/pool_pad": "_stem_pool_pad", "stem/pool": "_stem_pool"}


def _irregular(dialect: Dialect) -> dict[str, str]:
    return {"stem/bn4": "stemstem_batch_norm_4"} if dialect.stem_name == "stem" else {}


def keras_name(path: str, dialect: Dialect) -> str:
    """Return the reference Keras name of a layer.

    Raises:
        UnknownPath: If no ResNet-RS has such a layer.

    >>> from rsinspect.networks.dialects import DIALECTS
    >>> keras_name("c4/block22/bn1", DIALECTS["keras"])
    'BlockGroup4__block_22_batch_norm_1'
    """
    if path in _FIXED:
        return _FIXED[path]
    if path in (irregular := _irregular(dialect)):
        return irregular[path]
    if path in _STEM_POOL:
        return dialect.stem_name + _STEM_POOL[path]
    if match := _STEM_PATH.fullmatch(path):
        return dialect.stem_name + _IN_STEM[match[1]].format(match[2])
    if (match := _BLOCK_PATH.fullmatch(path)) and match[3] in _IN_BLOCK:
        return f"BlockGroup{match[1]}__block_{match[2]}_{_IN_BLOCK[match[3]]}"
    raise UnknownPath(f"no Keras layer name for {path!r}")


def layer_path(name: str, dialect: Dialect) -> str:
    """Return the path of a reference Keras layer name; the inverse of ``keras_name``.

    Raises:
        UnknownPath: If it is no name of the reference.

    >>> from rsinspect.networks.dialects import DIALECTS
    >>> layer_path("BlockGroup4__block_22__conv_2", DIALECTS["keras"])
    'c4/block22/conv2'
    """
    for path, fixed in (*_FIXED.items(), *_irregular(dialect).items()):
        if name == fixed:
            return path
    for path, pool in _STEM_POOL.items():
        if name == dialect.stem_name + pool:
            return path
    if match := _BLOCK_NAME.fullmatch(name):
        for suffix, known in _IN_BLOCK.items():
            if match[3] == known:
                return f"c{match[1]}/block{match[2]}/{suffix}"
    for kind, pattern in _IN_STEM.items():
        expression = re.escape(dialect.stem_name) + pattern.format(r"(\d+)")
        if match := re.fullmatch(expression, name):
            return f"stem/{kind}{match[1]}"
    raise UnknownPath(f"{name!r} is no layer name of the {dialect.name} dialect")
