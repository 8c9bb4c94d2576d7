"""Printed facts and their sources, as data.

``variants.json`` holds the block layouts (Table 11) and the regularisation Keras ships with each
depth; ``tables.json`` the printed tables and what is known of their disagreements; ``recipes.json``
the training recipes (Table 8); ``figures.json`` the grids of the scaling study and points read off
Figure 3; ``weights.json`` the published weight files; ``accuracy.json`` what these reach on
ImageNet where the paper does not say; ``citation.json`` how the paper is cited.
Each names its sources. What is not known is null there and None here; nothing is filled in.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from rsinspect.base.errors import check_choice

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
"""Of RGB in 0..1; the values of Keras 2's ``resnet_rs``, of tensorflow/tpu and of timm."""


class Variant(NamedTuple):
    """One depth of the paper.

    Attributes:
        depth: The number in the name.
        blocks: Bottleneck blocks in c2, c3, c4, c5 (Table 11).
        drop_path_rate: Rate of the last stage as Keras ships it, None where it is not known.
        dropout_rate: Rate before the classifier as Keras ships it, None where it is not known.
        resolutions: Square image sizes with published weights, smallest first; empty for the
            layouts of the scaling study.
    """

    depth: int
    blocks: tuple[int, ...]
    drop_path_rate: float | None
    dropout_rate: float | None
    resolutions: tuple[int, ...]

    @property
    def published(self) -> bool:
        """Tell whether weights were released for this depth."""
        return bool(self.resolutions)


class Table7Row(NamedTuple):
    """One ResNet-RS row of Table 7, as printed.

    Attributes:
        depth: Network depth.
        resolution: Side of the square image.
        params_M: Parameters, in millions.
        flops_B: FLOPs per image, in billions.
        v100_latency_s: Training step of 128 images on a V100, float32, seconds.
        tpuv3_latency_ms: Training step of 128 images on TPUv3, bfloat16, milliseconds.
        top1: ImageNet validation accuracy, per cent.
        checkpoint_top1: The released checkpoint evaluated again by sebastian-sz, per cent.
    """

    depth: int
    resolution: int
    params_M: float
    flops_B: float
    v100_latency_s: float
    tpuv3_latency_ms: float
    top1: float
    checkpoint_top1: float


class PrintedColumn(NamedTuple):
    """A column of a printed table.

    Attributes:
        key: Of the rows.
        head: What stands above it.
        kind: ``text``, ``integer`` or ``number``.
        printed: Whether the paper prints it; otherwise it is a fact from another source.
        wraps: Whether its text may be broken over lines.
        decimals: Of every number of the column; None for those of each.
    """

    key: str
    head: str
    kind: Literal["text", "integer", "number"]
    printed: bool = True
    wraps: bool = False
    decimals: int | None = None


class PrintedTable(NamedTuple):
    """A table of the paper.

    Attributes:
        number: As the paper has it.
        title: In our words.
        confidence: ``exact`` where it was read off the paper or its code, ``unknown`` where not.
        source: Where it was read, in full.
        columns: What to show, in order.
        rows: One mapping per row, by key of the columns; besides, ``network`` has the fields of the
            spec of that row (or None) and ``notes`` the keys of its footnotes. Empty where no
            source has them.
        where: Where missing rows would come from.
    """

    number: int
    title: str
    confidence: str
    source: tuple[str, ...]
    columns: tuple[PrintedColumn, ...]
    rows: tuple[dict[str, Any], ...]
    where: str | None


class Footnote(NamedTuple):
    """What has to be said of a row, and who says it.

    Attributes:
        text: Whole sentences.
        source: Where it was read, in full.
    """

    text: str
    source: tuple[str, ...]


class Recipe(NamedTuple):
    """How one published variant was trained, by code base.

    Attributes:
        depth: Network depth.
        resolution: Side of the square training image.
        notes: Keys of footnotes.
        settings: Code base (``tpu``, ``tf_models``, ``keras``, ``timm``) to its settings by name; a
            setting that is missing is stated nowhere in what was read of that code base.
    """

    depth: int
    resolution: int
    notes: tuple[str, ...]
    settings: dict[str, dict[str, Any]]


class StudyPoint(NamedTuple):
    """A point of Figure 3, read off the plot.

    Attributes:
        epochs: Length of training.
        resolution: Side of the square image.
        scaling: ``depth`` or ``width``: which of the two curves it is on.
        depth: Network depth.
        width: Filter multiplier.
        time_per_step_s: Training step on TPU, seconds; None where it lies beyond the plot.
        top1_minival: Accuracy on 2 % of the training set, per cent; None likewise.
    """

    epochs: int
    resolution: int
    scaling: str
    depth: int
    width: float
    time_per_step_s: float | None
    top1_minival: float | None


ACCURACY_SOURCES = ("paper", "checkpoints", "timm")
"""Who has published accuracies."""


class Accuracy(NamedTuple):
    """What a network reaches on the 50,000 validation images of ImageNet.

    Attributes:
        model: MODEL text with its size: ``152@224``, ``EfficientNetB4@380``.
        family: ``ResNet-RS`` or ``EfficientNet``.
        top1: Per cent.
        weights: What the source calls the weights; None where it names none.
    """

    model: str
    family: str
    top1: float
    weights: str | None = None


class AccuracySource(NamedTuple):
    """Where accuracies were published.

    Attributes:
        title: For the middle of a sentence.
        source: Where they were read, in full.
        note: What to know of them, in whole sentences.
    """

    title: str
    source: tuple[str, ...]
    note: str


class SpeedUp(NamedTuple):
    """A pair of Table 7 for which it prints how much faster the ResNet-RS trains.

    Attributes:
        model: The ResNet-RS, as MODEL text.
        rival: The EfficientNet of about its accuracy, likewise.
        tpu: Times as fast on TPUv3, bfloat16.
        v100: Times as fast on a V100, float32.
    """

    model: str
    rival: str
    tpu: float
    v100: float


class PublishedWeights(NamedTuple):
    """Where the published weight files are, and the md5 of each."""

    base_url: str
    md5: dict[str, str]


def _data(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        Path(__file__).with_name(name).read_text(encoding="utf-8")
    )
    return document


@cache
def variants() -> dict[int, Variant]:
    """List the paper's depths, by depth, shallowest first.

    >>> variants()[152].blocks
    (3, 8, 36, 3)
    """
    depths = [
        Variant(
            depth=row["depth"],
            blocks=tuple(row["blocks"]),
            drop_path_rate=row["drop_path_rate"],
            dropout_rate=row["dropout_rate"],
            resolutions=tuple(row["resolutions"]),
        )
        for row in _data("variants.json")["depths"]
    ]
    return {variant.depth: variant for variant in sorted(depths, key=lambda v: v.depth)}


@cache
def table7() -> tuple[Table7Row, ...]:
    """List the 11 ResNet-RS rows of Table 7, in the paper's order of cost.

    >>> [row.flops_B for row in table7()][:3]
    [4.6, 8.4, 12]
    """
    rows = [row for row in printed_table(7).rows if row["network"]]
    return tuple(Table7Row(*[row[name] for name in Table7Row._fields]) for row in rows)


@cache
def accuracies(source: str = "paper") -> tuple[Accuracy, ...]:
    """List published accuracies, shallowest ResNet-RS first and EfficientNets last.

    Args:
        source: ``paper`` (Table 7), ``checkpoints`` (the released ones, evaluated again) or
            ``timm`` (its own evaluations, at more sizes).

    Raises:
        InvalidChoice: If there is no such source.

    >>> accuracies("checkpoints")[4]
    Accuracy(model='152@224', family='ResNet-RS', top1=82.9, weights='resnet-rs-152-i224')
    """
    check_choice("source of accuracies", source, ACCURACY_SOURCES)
    rows = _data("accuracy.json")["rows"].get(source, [])
    found = [
        Accuracy(row["model"], _family(row["model"]), row["top1"], row["weights"]) for row in rows
    ]
    if source != "timm":
        found += [
            accuracy for row in printed_table(7).rows if (accuracy := _of_table7(row, source))
        ]
    return tuple(sorted(found, key=lambda accuracy: accuracy.family != "ResNet-RS"))


@cache
def accuracy_source(name: str) -> AccuracySource:
    """Read what is known of a source of accuracies.

    Raises:
        InvalidChoice: If there is no such source.
    """
    check_choice("source of accuracies", name, ACCURACY_SOURCES)
    found = _data("accuracy.json")["sources"][name]
    return AccuracySource(found["title"], tuple(found["source"]), found["note"])


@cache
def speed_ups() -> tuple[SpeedUp, ...]:
    """List the pairs of the paper's claim, 1.7 to 2.7 times as fast as EfficientNets on TPUs.

    Each ResNet-RS for which Table 7 prints a speed-up stands there below the EfficientNet that it
    is of, and the printed latencies give the printed numbers.

    >>> speed_ups()[0]
    SpeedUp(model='101@160', rival='EfficientNetB2@260', tpu=1.8, v100=2.1)
    """
    found, rival = [], ""
    for row in printed_table(7).rows:
        if row["network"] is None:
            rival = model_text(row)
        elif row["tpu_speedup"] is not None:
            pair = SpeedUp(model_text(row), rival, row["tpu_speedup"], row["v100_speedup"])
            found.append(pair)
    return tuple(found)


def model_text(row: dict[str, Any]) -> str:
    """Write a row of Table 7 as MODEL text."""
    name = row["depth"] or row["model"].replace("-", "")
    return f"{name}@{row['resolution']}"


def _family(model: str) -> str:
    return "EfficientNet" if model.startswith("EfficientNet") else "ResNet-RS"


def _of_table7(row: dict[str, Any], source: str) -> Accuracy | None:
    """Read the accuracy in a row: as printed, or that of the released checkpoint."""
    model = model_text(row)
    if source == "paper":
        return Accuracy(model, _family(model), row["top1"])
    if row["checkpoint_top1"] is None:
        return None
    weights = f"resnet-rs-{model.replace('@', '-i')}"
    return Accuracy(model, _family(model), row["checkpoint_top1"], weights)


PRINTED_TABLES = tuple(range(1, 13))
"""Numbers of the paper's tables. The rows of 8 are ``recipes`` and those of 11 ``variants``."""


@cache
def printed_table(number: int) -> PrintedTable:
    """Read a table of the paper; 8 and 11 have files of their own and are not among these.

    >>> [row["model"] for row in printed_table(7).rows][:2]
    ['EfficientNet-B0', 'EfficientNet-B1']
    """
    document = _data("tables.json")
    table, sources = document["tables"][str(number)], document["sources"]
    return PrintedTable(
        number=number,
        title=table["title"],
        confidence=table["confidence"],
        source=tuple(sources[key] for key in table["source"]),
        columns=tuple(PrintedColumn(**column) for column in table["columns"]),
        rows=tuple(table["rows"] or ()),
        where=table.get("where"),
    )


@cache
def footnotes() -> dict[str, Footnote]:
    """List what is known of oddities and disagreements between sources, by key."""
    document = _data("tables.json")
    return {
        key: Footnote(note["text"], tuple(document["sources"][name] for name in note["source"]))
        for key, note in document["notes"].items()
    }


@cache
def recipes() -> tuple[Recipe, ...]:
    """List the training recipes of the 11 published variants, shallowest and smallest first."""
    return tuple(
        Recipe(
            depth=row["depth"],
            resolution=row["resolution"],
            notes=tuple(row["notes"]),
            settings={name: row[name] for name in ("tpu", "tf_models", "keras", "timm")},
        )
        for row in _data("recipes.json")["recipes"]
    )


@cache
def recipe_sources() -> dict[str, str]:
    """List where the recipes were read, by code base."""
    sources: dict[str, str] = _data("recipes.json")["sources"]
    return sources


@cache
def figure(number: int) -> dict[str, Any]:
    """Read the grid of Figure 2 or 3, with full sources; Figure 3's points: ``study_points``."""
    document = _data("figures.json")
    grid: dict[str, Any] = document[f"figure{number}"]
    return grid | {"source": [document["sources"][key] for key in grid["source"]]}


@cache
def study_points() -> tuple[StudyPoint, ...]:
    """List the 84 digitised points of Figure 3.

    >>> len(study_points())
    84
    """
    return tuple(StudyPoint(**point) for point in figure(3)["points"])


@cache
def citation() -> dict[str, Any]:
    """Read how to cite the paper: key, title, authors (given name, family name), where and when.

    >>> citation()["year"], len(citation()["authors"])
    (2021, 8)
    """
    document = _data("citation.json")
    return {key: value for key, value in document.items() if key not in ("schema", "what")}


@cache
def published_weights() -> PublishedWeights:
    """List the 22 published weight files.

    >>> len(published_weights().md5)
    22
    """
    document = _data("weights.json")
    return PublishedWeights(base_url=document["base_url"], md5=document["md5"])


@cache
def timm_weights() -> dict[str, int]:
    """List timm's published files of ResNet-RS, with the side of the images each was trained with.

    Source: timm 1.0.31, timm/models/resnet.py; names end in the first digits of the SHA-256.

    >>> timm_weights()["resnetrs101_i192_ema-1509bbf6.pth"]
    192
    """
    return dict(_data("weights.json")["timm"])
