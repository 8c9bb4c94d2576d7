"""The paper's tables beside what rsinspect computes, and where sources disagree.

Printed cells come from ``rsinspect.paper`` and are marked with ``*``; computed cells come from the
layer graph of the row's network. Footnotes name who says otherwise. A cell that no source gives is
None, and a table of which no row is known says where it would be found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from string import ascii_lowercase
from types import MappingProxyType
from typing import Any, NamedTuple

from rsinspect import paper
from rsinspect.answers.computed import computed, computed_columns, ratios
from rsinspect.answers.table import Answer, Column, Note, Table, Value
from rsinspect.base.errors import InvalidQuestion
from rsinspect.base.words import Option, advice, shown
from rsinspect.layers.question import Question
from rsinspect.networks import applications
from rsinspect.networks.network import Network, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec

SCHEMA = "rsinspect.table/1"
PRINTED = "* printed in the paper or, where it could not be seen, in what it describes."
WITH_OTHERS = (3, 7)
"""Tables with networks that keras.applications has and rsinspect does not build."""

LAYOUT_RESOLUTION = 224
"""Of the costs beside Table 11, which has no resolution of its own."""


class PrintedRow(NamedTuple):
    """One row of a table of the paper.

    Attributes:
        model: The paper's name of the network.
        printed: Cells as the paper prints them, by key of the column.
        network: What the row is about; None where its wiring is not known here.
        notes: Keys of its footnotes.
        reported: Cells that another source gives.
    """

    model: str
    printed: Mapping[str, Value]
    network: Network | None = None
    notes: tuple[str, ...] = ()
    reported: Mapping[str, Value] = MappingProxyType({})

    @property
    def text(self) -> str:
        """Write it as MODEL text with its size, as published accuracies do: ``152@224``."""
        if self.network is not None and self.network.spec is not None:
            spec = self.network.spec
            family = "" if spec.dialect.name == "keras" else f"{spec.dialect.family}-"
            return f"{family}{spec.depth}@{spec.resolution[0]}"
        named = applications.named_in(self.model)
        return f"{named.name if named else self.model}@{self.printed.get('resolution')}"

    def computed(self, question: Question) -> dict[str, Value] | None:
        """Compute what stands beside the printed cells; None without a network."""
        if self.network is None:
            return None
        figures = computed(self.network, question)
        return figures | ratios(figures, self.printed)

    def document(self, question: Question) -> dict[str, Any]:
        """Write the row of the JSON document."""
        spec = self.network.spec if self.network else None
        return {
            "model": self.model,
            "depth": spec.depth if spec else None,
            "resolution": spec.resolution[0] if spec else self.printed.get("resolution"),
            "dialect": spec.dialect.name if spec else None,
            "printed": dict(self.printed),
            "computed": self.computed(question),
            **({"reported": dict(self.reported)} if self.reported else {}),
            "notes": list(self.notes),
        }


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A table of the paper, before it is laid out.

    Attributes:
        number: As the paper has it.
        title: What it is about.
        source: Where the printed values were read.
        columns: Printed and reported ones; the first names the row.
        rows: In the paper's order.
        question: What is computed beside them.
        remarks: Sentences below the footnotes.
        with_costs: Whether computed columns are shown.
    """

    number: int
    title: str
    source: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[PrintedRow, ...]
    question: Question
    remarks: tuple[Note, ...] = ()
    with_costs: bool = True

    @cached_property
    def computed(self) -> tuple[dict[str, Value] | None, ...]:
        """Compute the figures of each row."""
        return tuple(row.computed(self.question) for row in self.rows)

    @cached_property
    def marks(self) -> dict[str, str]:
        """Assign a letter to each footnote, by key."""
        keys = dict.fromkeys(key for row in self.rows for key in row.notes)
        return dict(zip(keys, ascii_lowercase, strict=False))

    def about(self, networks: Mapping[str, Network]) -> Sheet:
        """Keep the rows of some networks, by their text, and compute those networks beside them."""
        rows = [row._replace(network=networks[row.text]) for row in self.rows
                if row.text in networks]  # fmt: skip
        return replace(self, rows=tuple(rows))

    @property
    def shows_costs(self) -> bool:
        """Tell whether there is anything computed to show."""
        return self.with_costs and any(self.computed)

    def answer(self) -> Answer:
        """Lay the table out."""
        columns, rows = self._columns(), self._rows()
        return Answer(
            Table(
                title=self.title,
                columns=columns,
                rows=rows,
                notes=(
                    *self._legend(columns, rows),
                    *self._of_others(),
                    *self.remarks,
                    *self._footnotes(),
                    f"Source of the printed values: {'; '.join(self.source)}.",
                ),
                number=f"Table {self.number}",
                name=f"table-{self.number}",
            ),
            self._document,
        )

    def _columns(self) -> tuple[Column, ...]:
        first, *others = self.columns
        notes = (Column("note", ""),) if self.marks else ()
        if not self.shows_costs:
            return (first, *notes, *others)
        divided = any(figures and "flops_ratio" in figures for figures in self.computed)
        ratio = (Column("flops_ratio", "FLOPs\n/ *", "number", decimals=3),) if divided else ()
        return (first, *notes, *others, *computed_columns(self.question), *ratio)

    def _rows(self) -> tuple[dict[str, Value], ...]:
        return tuple(
            {
                "model": _short(row.model),
                "note": ",".join(self.marks[key] for key in row.notes),
                **row.printed,
                **row.reported,
                **{
                    key: round(value, 3) if isinstance(value, float) else value
                    for key, value in (figures or {}).items()
                },
            }
            for row, figures in zip(self.rows, self.computed, strict=True)
        )

    def _footnotes(self) -> Iterator[str]:
        for key, mark in self.marks.items():
            yield f"{mark}: {_sourced(paper.footnotes()[key])}"

    def _of_others(self) -> Iterator[Note]:
        """Say of EfficientNets what is computed of them, or how that is asked for."""
        others = [row for row in self.rows if applications.named_in(row.model)]
        if any(row.network for row in others):
            for key in ("efficientnet_params", "efficientnet_flops"):
                yield _sourced(paper.footnotes()[key])
        elif others and self.number in WITH_OTHERS:
            yield advice("{} computes EfficientNet's rows too.", Option("computed", True))

    def _legend(
        self, columns: tuple[Column, ...], rows: tuple[dict[str, Value], ...]
    ) -> Iterator[str]:
        yield PRINTED
        if self.shows_costs:
            yield "Without it: computed here."
        if any(row.get(column.key) is None for row in rows for column in columns):
            yield "–: not available, or not applicable to the row."
        families = [f"{_short(name)[:-1]}: {name[:-1]}." for name in ("ResNet-RS-", "EfficientNet-")
                    if any(name in row.model for row in self.rows)]  # fmt: skip
        if families:
            yield " ".join(families)
        for column in columns:
            if column.key in LEGENDS:
                yield LEGENDS[column.key]
        if self.shows_costs:
            question = self.question
            yield f"FLOPs ({question.convention}), for one image: {question.legend}."

    def _document(self) -> dict[str, Any]:
        notes = {key: paper.footnotes()[key] for key in self.marks}
        return {
            "schema": SCHEMA,
            "table": self.number,
            "title": self.title,
            "source": list(self.source),
            "convention": self.question.convention,
            "rows": [row.document(self.question) for row in self.rows],
            "notes": {
                key: {"mark": self.marks[key], "text": note.text, "source": list(note.source)}
                for key, note in notes.items()
            },
        }


LEGENDS = {
    "checkpoint_top1": "ckpt: the released checkpoint, evaluated again. Source: "
    f"{'; '.join(paper.footnotes()['rs152_224'].source[-1:])}.",
}
"""Of printed columns whose head is short, by key."""


def _short(model: str) -> str:
    return model.replace("ResNet-RS-", "RS-").replace("EfficientNet-", "ENet-")


def _sourced(note: paper.Footnote) -> str:
    return f"{note.text} Source: {'; '.join(note.source)}."


def table_answer(number: int, question: Question | None = None, *, others: bool = False) -> Answer:
    """Show a table of the paper, with what rsinspect computes for the same networks.

    Args:
        number: 1 to 12.
        question: What a FLOP is in the computed column.
        others: Whether to compute networks that are not built here too: EfficientNet.

    Raises:
        InvalidQuestion: If the paper has no such table.
        BackendUnavailable: If Keras has to build one, and Keras or its backend is not here.
    """
    if isinstance(number, bool) or number not in paper.PRINTED_TABLES:
        raise InvalidQuestion(f"the paper has no table {shown(number)}", "its tables are 1 to 12")
    sheet = _sheet(number, question or Question(), others)
    return sheet.answer() if sheet.rows else _missing(paper.printed_table(number))


def _sheet(number: int, question: Question, others: bool = False) -> Sheet:
    match number:
        case 8:
            return _recipes(question)
        case 11:
            return _layouts(question)
        case _:
            return _printed(paper.printed_table(number), question, others)


BY_NETWORK = (7, 3, 4, 8)
"""Tables whose rows are networks at a size, the one that says most of them first."""


def answers_about(networks: Mapping[str, Network], question: Question) -> dict[int, Answer]:
    """Show the rows of the paper's tables that are about some networks, by number of the table.

    Args:
        networks: By MODEL text of the published network that each is, with its size: ``152@224``.
        question: What a FLOP is in the computed column.

    >>> network = _published(152, 224)
    >>> [list(answers_about({text: network}, Question())) for text in ("152@224", "152@300")]
    [[7, 4, 8], []]
    """
    sheets = [_sheet(number, question).about(networks) for number in BY_NETWORK]
    return {sheet.number: sheet.answer() for sheet in sheets if sheet.rows}


def _published(depth: int, resolution: int) -> Network:
    return resnet_rs(ResNetRSSpec.variant(depth, resolution=resolution))


def _applications(table: paper.PrintedTable) -> dict[str, Network]:
    """Make the networks of a table that keras.applications has, at their size there, by name."""
    from rsinspect.networks.keras_cache import application_networks

    asked = {
        row["model"]: named.application(resolution=(row["resolution"], row["resolution"]))
        for row in table.rows
        if (named := applications.named_in(row["model"]))
    }
    return dict(zip(asked, application_networks(tuple(asked.values())), strict=True))


def _printed(table: paper.PrintedTable, question: Question, others: bool) -> Sheet:
    """Take a table as ``rsinspect.paper`` has it."""
    made = _applications(table) if others and table.number in WITH_OTHERS else {}
    rows = [
        PrintedRow(
            model=row["model"],
            printed={c.key: row[c.key] for c in table.columns if c.printed and c.key != "model"},
            network=resnet_rs(ResNetRSSpec.variant(**row["network"]))
            if row["network"]
            else made.get(row["model"]),
            notes=tuple(row["notes"]),
            reported={c.key: row[c.key] for c in table.columns if not c.printed},
        )
        for row in table.rows
    ]
    return Sheet(
        number=table.number,
        title=table.title,
        source=table.source,
        columns=tuple(Column(c.key, c.head, c.kind, c.wraps, c.decimals) for c in table.columns),
        rows=tuple(rows),
        question=question,
    )


def _layouts(question: Question) -> Sheet:
    """Make Table 11 from the block layouts of all depths."""
    unknown = PrintedRow(
        "ResNet-RS-26", dict.fromkeys(("c2", "c3", "c4", "c5")), notes=("layout_26",)
    )
    rows = [
        PrintedRow(
            model=f"ResNet-RS-{variant.depth}",
            printed={f"c{i + 2}": blocks for i, blocks in enumerate(variant.blocks)},
            network=_published(variant.depth, LAYOUT_RESOLUTION),
            notes=() if variant.published else ("study_layouts",),
            reported={
                "total_blocks": sum(variant.blocks),
                "classic_depth": 3 * sum(variant.blocks) + 2,
            },
        )
        for variant in sorted(paper.variants().values())
    ]
    classic = paper.footnotes()["classic_depth"]
    return Sheet(
        number=11,
        title="Block layouts: bottleneck blocks of each stage",
        source=classic.source,
        columns=(
            Column("model", "Model"),
            *(Column(f"c{i}", f"c{i}\n*", "integer") for i in range(2, 6)),
            Column("total_blocks", "Blocks", "integer"),
            Column("classic_depth", "Depth", "integer"),
        ),
        rows=(unknown, *rows),
        question=question,
        remarks=(
            classic.text,
            f"Params and FLOPs: whole networks at {LAYOUT_RESOLUTION}×{LAYOUT_RESOLUTION}.",
        ),
    )


_RECIPE_COLUMNS = (
    ("dropout_rate", "Drop-\nout *"),
    ("drop_path_rate", "Drop\npath *"),
    ("randaugment_magnitude", "RA\nmag. *"),
    ("label_smoothing", "LS\n*"),
    ("weight_decay", "WD\n*"),
    ("ema_decay", "EMA\n*"),
    ("epochs", "Epochs\n*"),
    ("batch_size", "Batch\n*"),
    ("peak_learning_rate", "Peak\nLR *"),
)


def _recipes(question: Question) -> Sheet:
    """Make Table 8 from the training recipes."""
    rows = [
        PrintedRow(
            model=f"ResNet-RS-{recipe.depth}",
            printed={"resolution": recipe.resolution}
            | {key: recipe.settings["tpu"][key] for key, _ in _RECIPE_COLUMNS},
            network=_published(recipe.depth, recipe.resolution),
            notes=recipe.notes,
        )
        for recipe in paper.recipes()
    ]
    return Sheet(
        number=8,
        title="Training recipes of the published models",
        source=(paper.recipe_sources()["tpu"],),
        columns=(
            Column("model", "Model"),
            Column("resolution", "Res.\n*", "integer"),
            *(Column(key, head, "number") for key, head in _RECIPE_COLUMNS),
        ),
        rows=tuple(rows),
        question=question,
        remarks=(
            *(_sourced(paper.footnotes()[key]) for key in ("table8_unseen", "schedule")),
            "RA: RandAugment, 2 layers. Whole recipes, by code base: rsinspect recipe MODEL.",
        ),
        with_costs=False,
    )


def _missing(table: paper.PrintedTable) -> Answer:
    return Answer(
        Table(
            title=table.title,
            columns=(Column("model", "Rows"),),
            rows=({"model": "not available"},),
            number=f"Table {table.number}",
            name=f"table-{table.number}",
            notes=(f"It would come from {table.where}.", f"Source: {'; '.join(table.source)}."),
        ),
        lambda: {
            "schema": SCHEMA,
            "table": table.number,
            "title": table.title,
            "source": list(table.source),
            "convention": None,
            "rows": [],
            "notes": {},
            "where": table.where,
        },
    )
