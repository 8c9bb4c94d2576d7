"""Networks by family: what rsinspect computes beside what Table 7 prints of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from rsinspect import paper
from rsinspect.answers.computed import computed, computed_columns
from rsinspect.answers.table import Answer, Column, Table, Value
from rsinspect.base.errors import InvalidChoice, InvalidQuestion
from rsinspect.base.words import Option, advice
from rsinspect.layers.liveness import peak_activation
from rsinspect.layers.question import Question
from rsinspect.networks import applications
from rsinspect.networks.network import Network, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec

SCHEMA = "rsinspect.variants/1"
FAMILIES_SCHEMA = "rsinspect.families/1"
PRINTED = (
    "params_M", "flops_B", "top1", "checkpoint_top1", "v100_latency_s", "tpuv3_latency_ms",
)  # fmt: skip
"""Columns of Table 7 that stand beside the computed ones."""


class _Variant(NamedTuple):
    """A network, and what Table 7 prints of it.

    Attributes:
        name: Short, with its size: ``50@160``.
        network: The network.
        row: Of Table 7; None where it has none.
    """

    name: str
    network: Network
    row: Mapping[str, Any] | None

    def computed(self, question: Question) -> dict[str, Value]:
        graph = self.network.graph
        peak = peak_activation(graph)
        return computed(self.network, question) | {
            "activation_bytes": question.activation_bytes(self.network.cost),
            "peak_activation_bytes": peak.bytes(batch=question.batch, dtype=question.dtype),
            "layers": len(graph),
        }

    @property
    def printed(self) -> dict[str, Value] | None:
        return None if self.row is None else {key: self.row[key] for key in PRINTED}


def _published(every: bool) -> Iterator[_Variant]:
    """Make the published ResNet-RS."""
    for row in paper.table7():
        spec = ResNetRSSpec.variant(row.depth, resolution=row.resolution)
        yield _Variant(f"{row.depth}@{row.resolution}", resnet_rs(spec), row._asdict())
    for variant in paper.variants().values():
        if every and not variant.published:
            spec = ResNetRSSpec.variant(variant.depth)
            yield _Variant(f"{variant.depth}@{spec.resolution[0]}", resnet_rs(spec), None)


def _of_family(family: str | None) -> Iterator[_Variant]:
    """Make the networks of a family of ``keras.applications``, or all of them."""
    from rsinspect.networks.keras_cache import application_networks  # ResNet-RS need none

    names = applications.names(family)
    asked = [applications.Named(name).application() for name in names]
    printed = {
        named.name: row
        for row in paper.printed_table(7).rows
        if (named := applications.named_in(row["model"]))
    }
    for name, network in zip(names, application_networks(asked), strict=True):
        size = network.resolution or (0, 0)
        row = printed.get(name)
        same = row is not None and size == (row["resolution"], row["resolution"])
        yield _Variant(f"{network.short_title}@{size[0]}", network, row if same else None)


def variants_answer(
    question: Question | None = None, *, every: bool = False, family: str | None = None
) -> Answer:
    """List the published networks, computed figures beside those of Table 7.

    Args:
        question: What a FLOP is, and for which batch and dtype bytes are.
        every: Whether to add the layouts of the scaling study, at 224.
        family: Another one, of ``keras.applications``, in its own sizes: ``efficientnet``;
            ``all`` of them; or a ``list`` of the families.

    Raises:
        InvalidChoice: If there is no such family.
        InvalidQuestion: If the scaling study of another family is asked for.
        BackendUnavailable: If Keras has to build one, and Keras or its backend is not here.
    """
    question = question or Question()
    if family is not None:
        if every:
            raise InvalidQuestion(
                advice("{} is of ResNet-RS, not of another family", Option("every", True)),
                "leave one of the two out",
            )
        if family == "list":
            return _families()
        return _family(family, question)
    return _answer(
        tuple(_published(every)), question, "ResNet-RS: computed, and as printed in Table 7"
    )


def _family(family: str, question: Question) -> Answer:
    """List the networks of a family of ``keras.applications``, or of all."""
    key = None if family == "all" else applications.family_named(family)
    if key is None and family != "all":
        raise InvalidChoice("family", family, ("all", "list", *applications.FAMILIES))
    if key is None:
        return _answer(tuple(_of_family(None)), question, "The networks of keras.applications")
    known = applications.FAMILIES[key]
    source = f"{known.title}: {known.source}, as Keras builds it."
    return _answer(tuple(_of_family(key)), question, f"{known.title}: computed", source)


def _families() -> Answer:
    """List the families of ``keras.applications``; nothing is built."""
    rows: list[dict[str, Value]] = [
        {
            "family": key,
            "names": _shortened(family),
            "size": "–".join(map(str, sorted({min(sides), max(sides)}))),
            "title": family.title,
            "paper": family.source.partition(",")[0],
            "source": family.source,
        }
        for key, family in applications.FAMILIES.items()
        for sides in [family.sizes.values()]
    ]
    table = Table(
        title="Families of networks in keras.applications",
        columns=(
            Column("family", "Family"),
            Column("names", "Networks", wraps=True),
            Column("size", "Size"),
            Column("paper", "Paper", wraps=True),
        ),
        rows=tuple(rows),
        notes=(
            advice("{} lists what the networks of one cost, {} those of all.",
                   Option("family", "efficientnet"), Option("family", "all")),
            "ResNet50, ResNet101 and ResNet152 alone are He et al.'s as built here; "
            "keras.applications.ResNet50 is Keras's own.",
        ),
        name="families",
    )  # fmt: skip
    document = {"schema": FAMILIES_SCHEMA, "rows": [
        {"family": key, "title": family.title, "source": family.source,
         "networks": [{"name": name, "resolution": side} for name, side in family.sizes.items()]}
        for key, family in applications.FAMILIES.items()
    ]}  # fmt: skip
    return Answer(table, lambda: document)


def _shortened(family: applications.Family) -> str:
    """List names, all after the first without what they begin with in common.

    >>> _shortened(applications.FAMILIES["vgg"]), _shortened(applications.FAMILIES["resnet_v2"])
    ('VGG16, 19', 'ResNet50V2, 101V2, 152V2')
    """
    first, *others = family.sizes
    common = family.title if first.startswith(family.title) else "ResNet"
    return ", ".join((first, *(name.removeprefix(common) for name in others)))


def _answer(
    variants: tuple[_Variant, ...], question: Question, title: str, source: str = ""
) -> Answer:
    """Lay networks out, with what is printed of them where anything is."""
    figures = [variant.computed(question) for variant in variants]
    params, flops = computed_columns(question)
    has_blocks = all(variant.network.spec for variant in variants)
    is_printed = has_blocks or all(variant.printed for variant in variants)
    rows: list[dict[str, Value]] = [
        {
            "model": variant.name,
            "blocks": ",".join(map(str, variant.network.blocks)) if has_blocks else None,
            **figure,
            **(variant.printed or dict.fromkeys(PRINTED)),
        }
        for variant, figure in zip(variants, figures, strict=True)
    ]
    printed = (
        Column("params_M", "Params\nM *", "number"),
        Column("flops_B", "FLOPs\nB *", "number"),
        Column("top1", "Top-1\n% *", "number", decimals=1),
        Column("v100_latency_s", "V100\ns *", "number", decimals=2),
    )
    table = Table(
        title=title,
        columns=(
            Column("model", "Model"),
            *([Column("blocks", "Blocks")] if has_blocks else []),
            *([] if is_printed else [Column("layers", "Layers", "integer")]),
            params,
            flops,
            Column("peak_activation_bytes", "Peak\nact.", "bytes"),
            *(printed if is_printed else ()),
        ),
        rows=tuple(rows),
        notes=(
            *([_PRINTED] if is_printed else ()),
            f"Peak act.: in inference, batch {question.batch}, {question.dtype}.",
            f"FLOPs ({question.convention}), for one image: {question.legend}.",
            "Params, FLOPs and Peak act., the most activation memory alive at once, are computed "
            "here.",
            *([source] if source else ()),
        ),
        name="variants",
    )
    return Answer(table, lambda: _document(variants, figures, question))


_PRINTED = "* printed in the paper's Table 7; V100: a training step of 128 images, float32."


def _document(
    variants: tuple[_Variant, ...], figures: list[dict[str, Value]], question: Question
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "convention": question.convention,
        "batch": question.batch,
        "dtype": question.dtype,
        "rows": [
            {"model": v.network.document(), "computed": figure, "printed": v.printed}
            for v, figure in zip(variants, figures, strict=True)
        ],
    }
