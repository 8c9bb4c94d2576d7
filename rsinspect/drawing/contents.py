"""What a block, stem or head consists of, in words, a line for each path of the data."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import assert_never

from rsinspect.layers import ops
from rsinspect.layers.blocks import Block
from rsinspect.layers.graph import Layer
from rsinspect.layers.structure import Group, Structure
from rsinspect.layers.wording import describe

WORKING = (
    *ops.CONVOLUTIONS, ops.AvgPool2D, ops.MaxPool2D, ops.GlobalAvgPool, ops.GlobalMaxPool,
    ops.Dense, ops.UpSampling2D, ops.Opaque,
)  # fmt: skip
"""Ops of a block that a reader of a paper would list."""

LISTED = (
    *ops.CONVOLUTIONS, ops.MaxPool2D, ops.AvgPool2D, ops.GlobalAvgPool, ops.GlobalMaxPool,
    ops.Dense, ops.Dropout, ops.UpSampling2D, ops.Opaque, ops.Augmentation, ops.Concatenate,
    ops.Merge,
)  # fmt: skip
"""The same of a stem or head."""

MOST_LISTED = 24
"""Layers that a block's lines name one by one; of more, they say how many there are of a kind."""

DEEPEST, MOST_LINES = 1, 6
"""Of branches in branches that a line says, and lines of a block."""

LINE = 56
"""Characters of a line of a card, about."""

_JOINED: dict[str, tuple[str, str]] = {
    "Add": ("added", " + "),
    "ScaledAdd": ("added", " + "),
    "Multiply": ("multiplied", " × "),
    "Concatenate": ("concatenated", " | "),
    "subtract": ("subtracted", " − "),
    "average": ("averaged", " and "),
    "maximum": ("the maximum", " or "),
    "minimum": ("the minimum", " or "),
}
"""What becomes of several paths, by op or function, and what stands between them in a line."""


def short(op: ops.Op) -> str:
    """Describe an op in as few words as will do.

    >>> short(ops.Conv2D(kernel=3, stride=2, in_channels=64, filters=128))
    '3×3/2, 128'
    """
    return describe(op).removeprefix("conv ")


def gate_widths(gate: Iterable[Layer]) -> str:
    """Write the channels through a gate, ``256 → 64 → 256``; nothing if it only pools.

    >>> reduce = ops.Conv2D(kernel=1, in_channels=256, filters=64)
    >>> gate_widths([Layer("reduce", reduce, ("pool",), ops.TensorShape(1, 1, 64))])
    '256 → 64'
    """
    widths: list[int] = []
    for layer in gate:
        match layer.op:
            case ops.Conv2D(in_channels=before, filters=after):
                widths += [after] if widths else [before, after]
            case ops.Dense(in_channels=before, units=after):
                widths += [after] if widths else [before, after]
            case (
                ops.Input() | ops.Rescaling() | ops.Normalization() | ops.ZeroPad2D()
                | ops.Crop2D() | ops.DepthwiseConv2D() | ops.SeparableConv2D()
                | ops.Conv2DTranspose() | ops.BatchNorm() | ops.LayerNorm() | ops.ChannelScale()
                | ops.Activation() | ops.ReLU() | ops.PReLU() | ops.AvgPool2D() | ops.MaxPool2D()
                | ops.GlobalAvgPool() | ops.GlobalMaxPool() | ops.UpSampling2D() | ops.Reshape()
                | ops.Flatten() | ops.Permute() | ops.Multiply() | ops.DropPath() | ops.Add()
                | ops.ScaledAdd() | ops.Merge() | ops.Concatenate() | ops.Arithmetic()
                | ops.Dropout() | ops.Augmentation() | ops.Opaque() | ops.Pick()
            ):  # fmt: skip
                pass
            case _:
                assert_never(layer.op)
    return " → ".join(map(str, widths))


def gate_words(gate: Iterable[Layer]) -> str:
    """Say what a gate consists of in a line of a card: ``SE 256 → 64 → 256``."""
    widths = gate_widths(gate)
    return f"SE {widths}" if widths else ""


def branch_ops(branch: Iterable[Layer]) -> tuple[ops.Op, ...]:
    """Pick the ops of a path that a reader would list."""
    return tuple(layer.op for layer in branch if isinstance(layer.op, WORKING))


def block_lines(structure: Structure, group: Group) -> tuple[str, ...]:
    """Say what a block consists of: its branch, gates and shortcut, or each of several branches."""
    return tuple(part for line in _Wiring(structure, group).lines() for part in wrapped(line))


def run_lines(structure: Structure, groups: Sequence[Group]) -> tuple[str, ...]:
    """Say what groups of one form consist of; of widths that differ, the least and largest."""
    of = block_lines if groups[0].is_block else plain_lines
    if len(groups) == 1:
        return of(structure, groups[0])
    lines = list(dict.fromkeys(of(structure, group) for group in groups))
    if len({len(each) for each in lines}) > 1:
        return lines[-1]
    return tuple(ranged(each) for each in zip(*lines, strict=True))


def ranged(lines: Sequence[str]) -> str:
    """Write lines that differ in numbers as one.

    >>> ranged(["1×1, 64", "1×1, 96", "1×1, 80"])
    '1×1, 64–96'
    """
    found = [re.findall(r"\d+", line) for line in lines]
    if len({len(each) for each in found}) > 1:
        return lines[-1]
    numbers = iter([sorted(set(map(int, each))) for each in zip(*found, strict=True)])

    def spanned(_: re.Match[str]) -> str:
        values = next(numbers)
        return f"{values[0]}–{values[-1]}" if len(values) > 1 else str(values[0])

    return re.sub(r"\d+", spanned, lines[0])


def is_chain(structure: Structure, block: Block) -> bool:
    """Tell whether the branch of a block is one path."""
    wiring = _Wiring(structure, block.group)
    return block.addition is not None and len(wiring.branches) == 2 and not wiring.parts(block)


def plain_lines(structure: Structure, group: Group) -> tuple[str, ...]:
    """List the layers of a stem, head or input that a reader of a paper would list."""
    stage = structure.stage(group.stage)
    everything = stage is not None and stage.role == "input"
    inputs = structure.graph.inputs
    if everything and len(inputs) > 1:
        return tuple(f"{layer.path}: {layer.shape}" for layer in inputs[:MOST_LINES])
    shown = [
        short(layer.op) for layer in group.layers if everything or isinstance(layer.op, LISTED)
    ]
    if len(shown) > MOST_LISTED or (shown and not in_line(structure, group)):
        return tally(shown)
    return tuple(wrapped(" → ".join(shown)))


def in_line(structure: Structure, group: Group) -> bool:
    """Tell whether the layers of a group follow each other.

    What they read from outside, and what a gate among them reads, is left out of account.
    """
    gated = {layer.path for gate in structure.gates(group) for layer in gate.layers}
    layers = [layer for layer in group.layers if layer.path not in gated]
    inside = {layer.path for layer in layers}
    within = [{path for path in layer.inputs if path in inside} for layer in layers]
    read = Counter(path for paths in within for path in paths)
    starts = sum(not paths for paths in within)
    return starts == 1 and all(len(paths) < 2 for paths in within) and max([*read.values(), 0]) < 2


def tally(words: Sequence[str], most: int = 8) -> tuple[str, ...]:
    """Count layers of a kind, the most frequent first, several in a line.

    >>> tally(["3×3, 8", "1×1, 8", "3×3, 8"])
    ('2 of 3×3, 8; 1 of 1×1, 8',)
    """
    counted = Counter(words).most_common()
    said = [f"{number} of {word}" for word, number in counted[:most]]
    if rest := sum(number for _, number in counted[most:]):
        said.append(f"and {rest} more")
    lines = [said[0]]
    for one in said[1:]:
        if len(lines[-1]) + len(one) < LINE:
            lines[-1] += f"; {one}"
        else:
            lines.append(one)
    return tuple(lines)


def wrapped(line: str) -> list[str]:
    """Break a line of steps that is too long before an arrow.

    >>> wrapped("1×1, 64 → 3×3, 64")
    ['1×1, 64 → 3×3, 64']
    """
    lines = [""]
    for step in line.split(" → "):
        joined = f"{lines[-1]} → {step}" if lines[-1] else step
        if lines[-1] and len(joined) > LINE:
            lines.append(f"→ {step}")
        else:
            lines[-1] = joined
    return lines


class _Wiring:
    """The paths through a block, from what it reads, which is called ``""``, to its end."""

    def __init__(self, structure: Structure, group: Group) -> None:
        self.structure = structure
        self.group = group
        self.inside = {layer.path: layer for layer in group.layers}
        self.gates = {gate.scale.path: gate for gate in structure.gates(group)}

    def before(self, path: str) -> list[str]:
        """List what a layer reads, the tensor that is scaled in the place of its gate."""
        if path in self.gates:
            read: Iterable[str] = (self.gates[path].scaled,)
        else:
            read = self.inside[path].inputs
        return list(dict.fromkeys(each if each in self.inside else "" for each in read)) or [""]

    @cached_property
    def passed(self) -> dict[str, str]:
        """Map each layer to the nearest one before it that all its data have passed."""
        found, depth = {"": ""}, {"": 0}
        for layer in self.group.layers:
            common, *others = self.before(layer.path)
            for other in others:
                while common != other:
                    if depth[common] >= depth[other]:
                        common = found[common]
                    else:
                        other = found[other]
            found[layer.path], depth[layer.path] = common, depth[common] + 1
        return found

    @cached_property
    def join(self) -> str:
        """Return the last layer where paths meet; nothing where none do."""
        path = self.group.layers[-1].path
        while path and len(self.before(path)) == 1:
            (path,) = self.before(path)
        return path

    @cached_property
    def branches(self) -> list[str]:
        """List the ends of the paths that meet at last."""
        return self.before(self.join) if self.join else []

    def parts(self, block: Block) -> bool:
        """Tell whether the branch of a block parts once more."""
        return any(
            len(self.before(layer.path)) > 1
            for layer in block.branch
            if layer.path not in self.gates
        )

    def steps(self, end: str, start: str = "") -> list[str]:
        """List what is done between two layers, the end included, the start not."""
        steps: list[str] = []
        while end not in (start, ""):
            layer, before = self.inside[end], self.before(end)
            if isinstance(layer.op, WORKING):
                steps.append(short(layer.op))
            if len(before) == 1:
                (end,) = before
                continue
            begin = self.passed[end]
            ways = [" → ".join(self.steps(way, begin)) or "identity" for way in before]
            steps.append(f"({_joined(layer.op)[1].join(ways)})")
            end = begin
        return steps[::-1]

    def lines(self) -> list[str]:
        """Write a line for each path, and one for what follows."""
        listed = branch_ops(self.group.layers) or tuple(layer.op for layer in self.group.layers)
        lines = self._ways() if len(listed) <= MOST_LISTED else []
        if not lines or len(lines) > MOST_LINES or any(_depth(line) > DEEPEST for line in lines):
            return list(tally([short(op) for op in listed]))
        return lines

    def _ways(self) -> list[str]:
        block = self.structure.block(self.group)
        last = self.group.layers[-1].path
        gates = [gate_words(gate.layers) for gate in block.gates]
        if not self.branches:
            return [" → ".join(self.steps(last)), *filter(None, gates)]
        begin = self.passed[self.join]
        after = self.steps(last, self.join)
        if block.addition is not None and block.addition.path == self.join:
            lines = self._residual(block, begin)
        else:
            verb = _joined(self.inside[self.join].op)[0]
            lines = [f"{len(self.branches)} branches, {verb}:"]
            lines += [self._branch(end, begin) for end in self.branches]
        if begin and (first := self.steps(begin)):
            lines.insert(0, " → ".join(first))
        lines[1:1] = filter(None, gates)
        return [*lines, f"then {' → '.join(after)}"] if after else lines

    def _residual(self, block: Block, begin: str) -> list[str]:
        short_way = self._ends(block.addition)[block.position] if block.addition else ""
        lines = [
            " → ".join(self.steps(end, begin)) or "identity"
            for end in self.branches
            if end != short_way
        ]
        return [*lines, f"shortcut: {' → '.join(self.steps(short_way, begin)) or 'identity'}"]

    def _ends(self, layer: Layer) -> list[str]:
        return [path if path in self.inside else "" for path in layer.inputs]

    def _branch(self, end: str, begin: str) -> str:
        words = " → ".join(self.steps(end, begin)) or "identity"
        return f"{words} (shared weights)" if self._shares(end, begin) else words

    def _shares(self, end: str, begin: str) -> bool:
        """Whether a path has weights of an earlier layer."""
        ahead, seen = [end], {begin, ""}
        while ahead:
            path = ahead.pop()
            if path in seen:
                continue
            seen.add(path)
            if self.inside[path].shares is not None:
                return True
            ahead += self.before(path)
        return False


def _depth(line: str) -> int:
    """Count how deep the brackets of a line are nested.

    >>> _depth("(1×3, 8 | (3×1, 8 | identity))")
    2
    """
    depth = most = 0
    for character in line:
        depth += (character == "(") - (character == ")")
        most = max(most, depth)
    return most


def _joined(op: ops.Op) -> tuple[str, str]:
    key = op.function if isinstance(op, ops.Merge) else op.kind
    return _JOINED.get(key, ("read together", " and "))
