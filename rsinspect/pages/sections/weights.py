"""What the weights in a file are like: whose they are, whether it is safe, how they spread."""

from __future__ import annotations

from collections.abc import Iterator

from rsinspect.answers.chart import Axis, Chart, Facet, Point, Rule, Series
from rsinspect.answers.rows import Level
from rsinspect.answers.summary import SummaryOptions, summary_answer
from rsinspect.answers.table import Answer
from rsinspect.base.text import showable
from rsinspect.base.units import binary_bytes, count
from rsinspect.base.words import plural
from rsinspect.checkpoints.safety import verdict
from rsinspect.checkpoints.tensor_file import tensor_file
from rsinspect.layers import ops
from rsinspect.pages.charts import drawn_chart
from rsinspect.pages.parts import Beside, Drawn, Fact, Facts, Heading, Part, Prose, Section, Tabled
from rsinspect.pages.report import Report
from rsinspect.pages.subject import Subject
from rsinspect.weights.identity import identified
from rsinspect.weights.inspection_table import verdict_in_words
from rsinspect.weights.layer_weights import LayerWeights
from rsinspect.weights.statistics import Statistics

_COLUMNS = (
    "path", "params", "weight_min", "weight_max", "weight_mean", "weight_std", "weight_zeros",
    "dead_channels", "bad_numbers",
)  # fmt: skip
_MOST_LAYERS = 400
"""Rows of a table of layers; of more it has the blocks."""

_KINDS = ("convolutions and dense layers", "batch norms", "others")
_LEAST, _MOST = 1e-20, 1e20
"""Spreads that are drawn; no network that is of use has others."""


def section(report: Report) -> Section | None:
    """Show the weights of a report; None where no file is named."""
    parts: list[Part] = []
    for subject in report.subjects:
        if subject.weights is not None:
            if len(report.subjects) > 1:
                parts.append(Heading(subject.network.title))
            parts += _parts(subject, subject.weights, report)
    return Section("weights", "Weights", tuple(parts)) if parts else None


def _parts(subject: Subject, weights: LayerWeights, report: Report) -> Iterator[Part]:
    """Show the weights of a network: what the file is, its numbers drawn and layer by layer."""
    with tensor_file(weights.path) as file:
        identity = identified(file)
    judged = verdict(weights.path)
    known = " ".join((identity.sentence(), *identity.evidence))
    yield Prose((known, *verdict_in_words(judged)))
    whole = weights.of(weights.by_path) or Statistics()
    size = weights.path.stat().st_size if weights.path.is_file() else None
    found = plural(len(judged.findings), "finding") if judged.findings else ""
    facts = [
        Fact("File", showable(weights.path.name, 80), None, binary_bytes(size) if size else ""),
        Fact("Loading it", judged.level, None, found),
        Fact("Numbers", count(whole.elements), whole.elements, "that are trained"),
        Fact("NaN or infinite", f"{whole.nans + whole.infinities}", whole.nans + whole.infinities),
    ]
    if whole.dead is not None:
        of = "" if whole.channels is None else f"of {whole.channels}"
        facts.append(Fact("Dead channels", f"{whole.dead}", whole.dead, of))
    drawn = _spread(subject, weights)
    yield Facts(tuple(facts)) if drawn is None else Beside((drawn, Facts(tuple(facts))))
    yield Tabled(f"weights-{subject.key}", _table(subject, weights, report))


def _table(subject: Subject, weights: LayerWeights, report: Report) -> Answer:
    """Tabulate the numbers of each layer that has some; of each block where they are too many."""
    level: Level = "layer" if len(weights.by_path) <= _MOST_LAYERS else "block"
    options = SummaryOptions(level=level, question=report.question, folded=False, columns=_COLUMNS)
    answer = summary_answer(subject.network, options, weights)
    table = answer.table
    rows = tuple(row for row in table.rows if row.get("weight_std") is not None)
    title = f"What the numbers of each {level} are like"
    return answer._replace(table=table._replace(title=title, rows=rows, lead=()))


def _spread(subject: Subject, weights: LayerWeights) -> Drawn | None:
    """Draw the spread of each layer's numbers along the network; None where none has any."""
    series: dict[str, list[Point]] = {name: [] for name in _KINDS}
    graph = subject.network.graph
    for place, layer in enumerate(graph, 1):
        numbers = weights.by_path.get(layer.path)
        if numbers is not None and _LEAST < (numbers.deviation or 0) < _MOST:
            series[_kind(layer.op)].append(Point(float(place), numbers.deviation or 0))
    points = [point for some in series.values() for point in some]
    if len(points) < 2:
        return None
    places = {layer.path: place for place, layer in enumerate(graph, 1)}
    stages = [
        Rule(float(places[stage.layers[0].path]), stage.path)
        for stage in subject.network.structure.stages
        if stage.has_blocks
    ]
    chart = Chart(
        title="Spread of the weights along the network",
        subtitle="",
        x=Axis("layer, in the order of the network", "integer"),
        y=Axis("standard deviation of its trained numbers", log=True),
        facets=(
            Facet("", tuple(Series(name, tuple(some)) for name, some in series.items() if some)),
        ),
        rules=tuple(stages),
        ruled="where a stage begins" if stages else "",
    )
    low, high = min(point.y for point in points), max(point.y for point in points)
    says = (
        f"Standard deviation of the trained numbers of {plural(len(points), 'layer')} of "
        f"{subject.network.title}, from {low:.3g} to {high:.3g}."
    )
    return drawn_chart(f"weights-{subject.key}-spread", chart, says, says)


def _kind(op: ops.Op) -> str:
    """Name the series that a layer is of."""
    if isinstance(op, ops.BatchNorm):
        return "batch norms"
    if isinstance(op, ops.Conv2D | ops.DepthwiseConv2D | ops.Conv2DTranspose | ops.Dense):
        return "convolutions and dense layers"
    return "others"
