"""Stages and the groups of layers in them, under the names that the wiring and the layers agree on.

A name labels nothing that the wiring does not make out. The layers of a block agree on a name where
their paths begin with it up to a separator (``conv4_block1_1_conv`` and ``conv4_block1_out``), the
blocks of a stage where their names do (``conv4``, or ``block2`` of ``block2a`` and ``block2b``). A
name that Keras gave of itself (``conv2d_94``) says nothing.

Annotations are types, not strings, where a named tuple is made: every command pays for strings.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from rsinspect.layers import ops
from rsinspect.layers.division import Draft, DraftGroup, StageRole, Tower
from rsinspect.layers.graph import Layer, LayerGraph

FIRST_STAGE = 2
"""Stages of blocks are c2, c3, ... in the paper: c1 is the stem."""
SEPARATORS = "/_"


class Group(NamedTuple):
    """Layers that stand together: a block, or a part of a chain.

    Attributes:
        path: Its label: ``c4/block22``, ``stem``.
        layers: In order.
        stage: Label of its stage.
        number: Of the block in its stage, from 0; None where it is no block.
        prefix: What the paths of its layers begin with, where that is not its label and a slash.
    """

    path: str
    layers: tuple[Layer, ...]
    stage: str = ""
    number: int | None = None
    prefix: str = ""

    @property
    def is_block(self) -> bool:
        """Tell whether it is a block."""
        return self.number is not None

    def name_of(self, path: str) -> str:
        """Name a layer within the group: its path without what all of them begin with.

        >>> Group("c2/block0", ()).name_of("c2/block0/se/reduce"), Group("c2", ()).name_of("conv")
        ('se/reduce', 'conv')
        """
        return path.removeprefix(self.prefix or f"{self.path}/") or path


class Stage(NamedTuple):
    """Neighbouring groups of one stage.

    Attributes:
        path: Its label.
        role: What it is to the network.
        groups: Its blocks, and parts of a chain between them; one group with all layers where it
            has no blocks.
    """

    path: str
    role: StageRole
    groups: tuple[Group, ...]

    @property
    def layers(self) -> tuple[Layer, ...]:
        """List all its layers, in order."""
        return tuple(layer for group in self.groups for layer in group.layers)

    @property
    def blocks(self) -> tuple[Group, ...]:
        """List those of its groups that are blocks."""
        return tuple(group for group in self.groups if group.is_block)

    @property
    def has_blocks(self) -> bool:
        """Tell whether some of its groups are blocks."""
        return any(group.is_block for group in self.groups)


def labelled(graph: LayerGraph, towers: Sequence[Tower]) -> tuple[Stage, ...]:
    """Label stages and groups by the names that their layers agree on, or else as the paper does.

    A network whose names say nothing has the stages ``c2``, ``c3``, ..., and blocks ``c2/block0``.
    """
    shared = iter(_labelled(graph, [x for tower in towers if not tower.name for x in tower.drafts]))
    stages: list[Stage] = []
    for tower in towers:
        if tower.name:
            stages += _labelled(graph, tower.drafts, tower.name, tower.prefix)
        else:
            stages += islice(shared, len(tower.drafts))
    return tuple(stages)


def _labelled(
    graph: LayerGraph, drafts: Sequence[Draft], tower: str = "", prefix: str = ""
) -> list[Stage]:
    """Label the stages of a network, or those of a tower."""
    whole = [[_name(group) for group in draft.groups] for draft in drafts]
    prefix = prefix or _common(drafts, whole)
    several = Counter(name for own in whole for name in own)
    names = [
        [name.removeprefix(prefix) if several[name] == 1 or "/" in name else "" for name in own]
        for own in whole
    ]
    if tower and len(drafts) == 1:
        labels = [tower]
    elif len(drafts) > _MOST_NAMED:
        labels = _distinct(drafts, [""] * len(drafts))
    else:
        labels = _stage_labels(drafts, names, prefix)
    if not tower:
        labels = [_free(label, draft, graph) for label, draft in zip(labels, drafts, strict=True)]
    stages = []
    for label, draft, own in zip(labels, drafts, names, strict=True):
        groups = _groups(label, draft, own, prefix)
        if tower and label != tower:
            label = f"{tower}/{label}"
            groups = tuple(x._replace(path=f"{tower}/{x.path}", stage=label) for x in groups)
        stages.append(Stage(label, draft.role, groups))
    return stages


_MOST_NAMED = 300
"""As many stages are compared with each other to see which names are their own."""


def _common(drafts: Sequence[Draft], names: Sequence[Sequence[str]]) -> str:
    """Find what all names of several stages begin with, such as the name of a nested model."""
    stages = [
        [name for name in own if name]
        for draft, own in zip(drafts, names, strict=True)
        if draft.role == "stage"
    ]
    if len(stages) < 2 or not all(stages):
        return ""
    every = [name for own in stages for name in own]
    end = len(_shared(every)) + 1
    return every[0][:end] if end > 1 and all(name[end:][:1].isalpha() for name in every) else ""


def _free(label: str, draft: Draft, graph: LayerGraph) -> str:
    """Make a label that is the path of no layer, unless that layer is all there is."""
    if label not in graph or sum(len(group.layers) for group in draft.groups) == 1:
        return label
    return f"{label} part"


def _stage_labels(
    drafts: Sequence[Draft], names: Sequence[Sequence[str]], prefix: str
) -> list[str]:
    stages = [index for index, draft in enumerate(drafts) if draft.role == "stage"]
    wanted = {
        index: _stage_name([n for n, g in zip(names[index], drafts[index].groups, strict=True)
                            if g.is_block] or names[index])
        for index in stages
    }  # fmt: skip
    for index, draft in enumerate(drafts):
        if draft.role != "stage":
            first = names[index][0].split("/")[0] if "/" in draft.groups[0].layers[0].path else ""
            known = draft.role in first or f"{first}/" == prefix
            wanted[index] = draft.role if known else first
    owned = [_owned(draft, own, prefix) for draft, own in zip(drafts, names, strict=True)]
    for index in [*wanted]:
        if not _is_alone(index, wanted[index], owned, wanted):
            wanted[index] = ""
    if not all(wanted[index] for index in stages):  # a name before a slash is a name by itself
        for index in stages:
            if not drafts[index].groups[0].layers[0].path.startswith(f"{wanted[index]}/"):
                wanted[index] = ""
    return _distinct(drafts, [wanted[index] for index in range(len(drafts))])


def _distinct(drafts: Sequence[Draft], wanted: Sequence[str]) -> list[str]:
    """Label those stages as the paper does that have no name of their own."""
    labels = []
    number = FIRST_STAGE
    for draft, label in zip(drafts, wanted, strict=True):
        generic = f"c{number}" if draft.role == "stage" else draft.role
        number += draft.role == "stage"
        labels.append(label or generic)
    if len(set(labels)) < len(labels):
        labels = []
        number = FIRST_STAGE
        for draft in drafts:
            if draft.role == "stage":
                labels.append(f"c{number}")
                number += 1
            else:
                before = sum(1 for other in drafts[: len(labels)] if other.role == draft.role)
                labels.append(f"{draft.role}{before + 1}" if before else draft.role)
    return labels


def _owned(draft: Draft, names: Sequence[str], prefix: str) -> str:
    """List the names of groups, and the paths of the layers of those that have none, in lines."""
    owned: list[str] = []
    for group, name in zip(draft.groups, names, strict=True):
        owned += [name] if name else [x.path.removeprefix(prefix) for x in group.layers]
    return "\n".join(("", *owned, ""))


def _is_alone(index: int, label: str, owned: Sequence[str], wanted: dict[int, str]) -> bool:
    """Whether no other stage has a name, nor a group or layer in another one begins with it."""
    if not label:
        return False
    names = [f"\n{label}{after}" for after in ("\n", *SEPARATORS)]
    return not any(
        other != index and (wanted[other] == label or any(name in lines for name in names))
        for other, lines in enumerate(owned)
    )


def _stage_name(names: Sequence[str]) -> str:
    """Find what the names of blocks agree on.

    >>> _stage_name(["conv4_block1", "conv4_block2"]), _stage_name(["block2a", "block2b"])
    ('conv4', 'block2')
    >>> _stage_name(["block_3", "block_4"]), _stage_name(["c2/block0"])
    ('block', 'c2')
    >>> _stage_name(["stage_0_block_0", "stage_0_block_1"])
    'stage_0'
    """
    if not all(names):
        return ""
    if len(set(names)) > 1:
        name = _shared(names, letters=True)
        if "/" not in name and (numbered := re.match(r"(.*\d)_[a-z_]+$", name)):
            name = numbered[1]
    elif "/" in names[0]:
        name = names[0].rpartition("/")[0]
    elif match := re.fullmatch(r"(.*\d)(?:_[a-z]+_?\d+|[a-z])", names[0]):
        name = match[1]
    else:
        name = names[0]
    return name


def _shared(names: Sequence[str], *, letters: bool = False) -> str:
    """Find what names begin with, up to a separator.

    What the first and the last in the order of the alphabet begin with, all do.

    Args:
        names: At least one.
        letters: Whether a letter after a digit is another part of a name too.
    """
    low, high = min(names), max(names)
    end = 0
    for one, other in zip(low, high, strict=False):
        if one != other:
            break
        end += 1
    while end:
        after = {low[end : end + 1], high[end : end + 1]}
        if after <= {"", *SEPARATORS} or (
            letters and low[end - 1].isdigit() and all(each.isalpha() for each in after)
        ):
            break
        end -= 1
    return low[:end]


def _name(group: DraftGroup) -> str:
    """Find what the layers of a group are called together; nothing where they do not agree."""
    paths = [layer.path for layer in group.layers]
    if len(paths) == 1:
        head, slash, _ = paths[0].rpartition("/")
        return head if slash else ""
    name = _shared(paths)
    if not name:
        telling = [layer.path for layer in group.layers if _is_telling(layer)]
        name = _shared(telling) if telling else ""
        if not name and telling:
            name = _name_of_end(paths, telling)
    return name


_JOINS = ("concat", "concatenate", "add", "merge", "out", "reduce")


def _name_of_end(paths: Sequence[str], telling: Sequence[str]) -> str:
    """Call a group by its end: the only layer with a name, or one with the number that all have.

    >>> cell = ["normal_conv_1_4", "adjust_bn_4", "normal_concat_4"]
    >>> _name_of_end(cell, cell), _name_of_end([*7 * ["add"], "mixed0"], ["mixed0"])
    ('normal_4', 'mixed0')
    """
    if 4 * len(telling) <= len(paths) and paths[-1] in telling:
        return paths[-1]
    shared = _shared([name[::-1] for name in telling])[::-1]
    if not shared or not shared[-1].isdigit():
        return ""
    return "_".join(word for word in telling[-1].split("_") if word not in _JOINS)


_AUTOMATIC = frozenset((
    "input", "input_layer", "rescaling", "normalization", "zero_padding2d", "cropping2d", "conv2d",
    "depthwise_conv2d", "separable_conv2d", "conv2d_transpose", "batch_normalization",
    "layer_normalization", "layer_scale", "activation", "re_lu", "relu", "p_re_lu", "leaky_re_lu",
    "average_pooling2d", "max_pooling2d", "global_average_pooling2d", "global_max_pooling2d",
    "up_sampling2d", "reshape", "flatten", "permute", "multiply", "add", "subtract", "average",
    "maximum", "minimum", "concatenate", "dropout", "dense", "custom_scale_layer",
    "stochastic_depth",
))  # fmt: skip


def is_automatic(name: str, class_name: str = "") -> bool:
    """Tell whether Keras itself gave a layer its name: that of its class, and a number.

    Args:
        name: Of the layer, without the names of models around it.
        class_name: Of its class, where that is none of those that have an op.

    >>> is_automatic("conv2d_94"), is_automatic("mixed0"), is_automatic("my_layer_2", "MyLayer")
    (True, False, True)
    """
    name = re.sub(r"_\d+$", "", name)
    return name in _AUTOMATIC or name == re.sub(_HUMP, "_", class_name).lower()


def _is_telling(layer: Layer) -> bool:
    """Whether somebody gave a layer its name."""
    class_name = layer.op.class_name if isinstance(layer.op, ops.Opaque) else ""
    return not is_automatic(layer.path.rpartition("/")[2], class_name)


_HUMP = r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"


def _groups(stage: str, draft: Draft, names: Sequence[str], common: str) -> tuple[Group, ...]:
    if len(draft.groups) == 1 and not draft.groups[0].is_block:
        return (Group(stage, draft.groups[0].layers, stage),)
    labels = [_within(stage, name) for name in names]
    blocks = [label for label, group in zip(labels, draft.groups, strict=True) if group.is_block]
    if not all(blocks) or len(set(blocks)) < len(blocks):
        labels = [""] * len(labels)
    groups: list[Group] = []
    number = 0
    seen: dict[str, int] = {}
    for label, group, name in zip(labels, draft.groups, names, strict=True):
        generic = f"{stage}/block{number}" if group.is_block else f"{stage}/{_what(group)}"
        path = (group.is_block and label) or generic
        while path in seen:
            seen[path] += 1
            path = f"{path}{seen[path]}"
        seen[path] = 1
        if not name or group.layers[0].path.startswith(f"{path}/"):
            prefix = ""
        else:
            prefix = _prefix(group, common + name)
        groups.append(Group(path, group.layers, stage, number if group.is_block else None, prefix))
        number += group.is_block
    return tuple(groups)


def _prefix(group: DraftGroup, name: str) -> str:
    """Write a name with the separator that follows it in the paths of a group."""
    path = next((each.path for each in group.layers if each.path.startswith(name)), "")
    after = path[len(name) : len(name) + 1]
    return f"{name}{after}" if after in SEPARATORS else name


def _within(stage: str, name: str) -> str:
    """Label a group by its name in its stage.

    >>> _within("conv4", "conv4_block1"), _within("block2", "block2a"), _within("c3", "block_3")
    ('conv4/block1', 'block2a', 'c3/block_3')
    """
    if not name or name == stage:
        return ""
    if name.startswith(stage) and name[len(stage)] in SEPARATORS:
        return f"{stage}/{name[len(stage) + 1 :]}"
    if name.startswith(stage):
        return name
    return f"{stage}/{name.rpartition('/')[2]}"


def _what(group: DraftGroup) -> str:
    """Say what a part of a chain between blocks does to the resolution."""
    if group.kind == "closing":
        return "transition"
    shapes = [layer.shape for layer in group.layers if len(layer.shape) == 3]
    if any(isinstance(layer.op, ops.UpSampling2D | ops.Conv2DTranspose) for layer in group.layers):
        return "upsampling"
    return "downsampling" if shapes and shapes[-1][0] < shapes[0][0] else "chain"
