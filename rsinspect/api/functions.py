"""What a person at a notebook types: one function per question that needs no measurement.

Every function that takes a network takes it in any form: MODEL text (``"152@224"``, ``101``), a
``Network``, or a live ``keras.Model``, which is read from its configuration and not run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rsinspect.api.networks import Model, network, sides_of

if TYPE_CHECKING:
    from rsinspect.api.estimating import Known
    from rsinspect.api.results import Charted, Diff, Picture, Run, TableResult
    from rsinspect.networks.network import Network
    from rsinspect.weights.layer_weights import LayerWeights

Columns = Sequence[str]


def summary(
    model: Model,
    *,
    level: Literal["stage", "block", "layer"] = "stage",
    columns: Columns = (),
    sort: str | None = None,
    limit: int | None = None,
    filter: str | None = None,
    folded: bool = True,
    convention: str = "paper",
    batch: int = 1,
    dtype: str = "float32",
    fold_batch_norm: bool = False,
    weights: str | Path | None = None,
) -> TableResult:
    """Tabulate params, MACs, FLOPs and activation memory.

    Args:
        model: As in ``network``.
        level: One row per stage, block or layer.
        columns: Keys of the columns to show; the level's own by default.
        sort: Key of the column to sort by, largest first; network order by default.
        limit: How many rows to keep after sorting; all by default.
        filter: Pattern on path or kind, ``"c4/*"`` or ``"Conv2D"``.
        folded: Whether identical neighbours share a row.
        convention: What a FLOP is: ``mac``, ``paper``, ``timm`` or ``full``.
        batch: Images, for bytes.
        dtype: Of activations and weights, for bytes.
        fold_batch_norm: As in ``network``.
        weights: A file with its weights, of any format that ``inspect_weights`` takes: what their
            numbers are like, in columns of their own.

    Raises:
        RsInspectError: If the model or an argument is not one there is.

    >>> import rsinspect
    >>> rsinspect.summary("101").rows[4]["params"]
    38251264
    """
    from rsinspect.answers.summary import SummaryOptions, summary_answer
    from rsinspect.api.results import TableResult
    from rsinspect.layers.question import Question

    options = SummaryOptions(
        level=level,
        question=Question(convention, batch, dtype),
        folded=folded,
        columns=tuple(columns),
        sort=sort,
        limit=limit,
        filter=filter,
    )
    made = network(model, fold_batch_norm=fold_batch_norm)
    return TableResult(summary_answer(made, options, _weights_in(weights, made)))


def _weights_in(weights: str | Path | None, made: Network) -> LayerWeights | None:
    """Read the weights of a network in a file; None where no file is named."""
    if weights is None:
        return None
    from rsinspect.weights.layer_weights import layer_weights

    return layer_weights(Path(weights), made)


def graph(
    model: Model,
    view: str | None = None,
    *,
    expand: Sequence[str] = (),
    color: str | None = None,
    run: Run | None = None,
    convention: str = "paper",
    direction: Literal["TB", "LR"] = "TB",
    theme: str = "auto",
    font: str = "DejaVu Sans",
    dpi: int = 192,
    size: str | None = None,
    title: str | None = None,
    caption: bool = True,
    fold_batch_norm: bool = False,
    weights: str | Path | None = None,
) -> Picture:
    """Draw a network.

    Args:
        model: As in ``network``.
        view: ``figure6``, ``stages``, ``blocks`` or ``layers``; by default what suits the format,
            ``figure6`` for figures.
        expand: Paths of stages, runs or blocks to open one level further.
        color: Colour by ``params``, ``macs``, ``flops``, ``activations``, ``intensity``, or by
            ``latency`` where a run is given; where weights are, by ``weight_std``, ``weight_max``
            or ``dead_channels``.
        run: A measurement of this network.
        convention: What a FLOP is.
        direction: Of the data: top to bottom or left to right.
        theme: ``auto`` (light, and dark where the reader's page is), ``paper``, ``light``,
            ``dark`` or ``print``.
        font: Family of all text.
        dpi: Resolution of PNG files.
        size: Of the place a figure is for: a width (``84mm``), a box (``160x90mm``, ``1280x720``)
            or a slide (``16:9``). It is laid out so that its type has 8 points or more there.
        title: In place of the one that says what is shown; empty for none.
        caption: Whether it says what its numbers mean.
        fold_batch_norm: As in ``network``.
        weights: A file with its weights, as in ``summary``.

    Raises:
        RsInspectError: If the model or an argument is not one there is, or the run is of another
            network.

    >>> import rsinspect
    >>> rsinspect.graph("50", "stages").title
    'ResNet-RS-50 @ 160×160: 35.7 M params, 4.56 G FLOPs per image'
    """
    from rsinspect.api.results import Picture
    from rsinspect.drawing.formats import Style
    from rsinspect.drawing.overlay import check_quantity, overlay
    from rsinspect.drawing.scene import Scene
    from rsinspect.drawing.size import parse_size
    from rsinspect.drawing.views import check_view
    from rsinspect.drawing.views import view as scene_of
    from rsinspect.drawing.weighed import Weighed
    from rsinspect.layers.question import Question
    from rsinspect.plots.overlay import measured_of

    made, question = network(model, fold_batch_norm=fold_batch_norm), Question(convention)
    if view is not None:
        check_view(view, direction)
    usual = "latency" if run is not None else "weight_std" if weights is not None else None
    color = color or usual
    measured = None if run is None else measured_of(run.record, made)
    if color is not None:
        check_quantity(color, measured is not None, weights is not None)
    looked = _weights_in(weights, made)
    weighed = None if looked is None else Weighed.of(looked, made)

    def scene(view: str, deep: bool) -> Scene:
        drawn = scene_of(
            made, view, direction=direction, expand=tuple(expand), question=question, deep=deep
        )
        return drawn if color is None else overlay(drawn, color, measured=measured, weighed=weighed)

    if view is not None:
        scene(view, False)  # what cannot be drawn is refused here, not when it is shown
    style = Style(
        theme=theme,
        font=font,
        dpi=dpi,
        size=None if size is None else parse_size(size),
        title=title,
        caption=caption,
    )
    return Picture(scene, view, style)


def diff(
    a: Model,
    b: Model,
    *,
    resolution: int | tuple[int, int] | None = None,
    fold_batch_norm: bool = False,
) -> Diff:
    """Compare two networks: what b has more, less or otherwise than a, and what that costs.

    Args:
        a: As in ``network``.
        b: Likewise; read as what a became.
        resolution: Of both, where text names none. Without it two names that give no size are
            made at one, the larger of their own; a note says so. A name that gives one has it, and
            the other then has its own default.
        fold_batch_norm: Of both, as in ``network``.

    Raises:
        RsInspectError: If a model is not one there is.

    >>> import rsinspect
    >>> rsinspect.diff("152", "200").to_json()["totals_delta"]["macs"]
    4565499904
    """
    from rsinspect.api.results import Diff
    from rsinspect.differences.pairs import compare
    from rsinspect.differences.report import diff_answer
    from rsinspect.networks import named
    from rsinspect.networks.spec import ResNetRSSpec

    size = sides_of(resolution)
    for depth in (a, b):
        if isinstance(depth, int):
            ResNetRSSpec.variant(depth)  # a number that is no depth is refused as such
    if isinstance(a, int | str) and isinstance(b, int | str):
        (one, two), note = named.compared(str(a), str(b), resolution=size)
    else:
        one, two, note = network(a, resolution=size), network(b, resolution=size), None
    if fold_batch_norm:
        one, two = network(one, fold_batch_norm=True), network(two, fold_batch_norm=True)
    return Diff(diff_answer(one, two, note), one, two, compare(one.graph, two.graph))


def variants(
    *, every: bool = False, family: str | None = None, convention: str = "paper"
) -> TableResult:
    """Tabulate the published networks, computed figures beside the paper's Table 7.

    Args:
        every: Whether to add the layouts of the scaling study.
        family: Another one, of ``keras.applications``: ``"efficientnet"``; ``"all"`` of them, or a
            ``"list"`` of the families. Keras builds each network once.
        convention: What a FLOP is in the computed columns.

    Raises:
        InvalidChoice: If the convention or the family is unknown.
        BackendUnavailable: If Keras has to build one, and Keras or its backend is not here.

    >>> import rsinspect
    >>> [row["model"] for row in rsinspect.variants().rows][:3]
    ['50@160', '101@160', '101@192']
    """
    from rsinspect.answers.variants import variants_answer
    from rsinspect.api.results import TableResult
    from rsinspect.layers.question import Question

    return TableResult(variants_answer(Question(convention), every=every, family=family))


def table(number: int, *, convention: str = "paper", computed: bool = False) -> Charted:
    """Show a table of the paper with computed figures beside the printed ones.

    Args:
        number: 1 to 12.
        convention: What a FLOP is in the computed columns.
        computed: Whether to compute EfficientNet's rows too, in tables 3 and 7; Keras builds each
            network once.

    Raises:
        RsInspectError: If the paper has no such table.

    >>> import rsinspect
    >>> rsinspect.table(7).rows[2]["model"]
    'RS-50'
    """
    from rsinspect.answers.figures import table_chart
    from rsinspect.answers.printed import table_answer
    from rsinspect.api.results import Charted
    from rsinspect.layers.question import Question

    found = table_answer(number, Question(convention), others=computed)
    return Charted(found, lambda: table_chart(number))


def scale(
    *,
    preset: str | None = None,
    depth: Sequence[int] | None = None,
    blocks: Sequence[Sequence[int]] | None = None,
    width: Sequence[float] | None = None,
    resolution: Sequence[int] | None = None,
    layout_rule: bool = False,
    dialect: str = "keras",
    least: Mapping[str, float] | None = None,
    most: Mapping[str, float] | None = None,
    objective: str = "max:params,min:flops",
    pareto: bool = False,
    sort: str | None = None,
    limit: int | None = None,
    convention: str = "paper",
    batch: int = 1,
    dtype: str = "float32",
    latency: bool = False,
    runs: Known = (),
    db: str | Path | None = None,
) -> Charted:
    """Explore a design space: what each of its networks costs, within limits, and the front.

    Args:
        preset: A grid of the paper, ``figure2`` or ``figure3``; the axes given here replace its.
        depth: Depths; the published ones by default.
        blocks: Layouts of one's own, such as ``(3, 4, 6, 3)``, instead of depths.
        width: Multipliers of all filters.
        resolution: Image sides.
        layout_rule: Whether depths above 200 that the paper lacks grow as 270 to 420 do.
        dialect: Whose wiring.
        least: Lower limits by cost: ``{"params": 20e6}``.
        most: Upper limits by cost: ``{"flops": 10e9, "peak_activation_bytes": 2**22}``; where
            latencies are estimated, ``latency_s`` too.
        objective: Two or three of the Pareto front.
        pareto: Whether to keep the front alone.
        sort: A cost or an axis; with ``-`` before it the largest first.
        limit: How many points to keep after sorting.
        convention: What a FLOP is.
        batch: Images, for bytes.
        dtype: Of activations.
        latency: Whether to estimate the latency of a batch of each, as ``estimate`` does.
        runs: What is known for that, as in ``estimate``.
        db: File of the store of runs, likewise.

    Raises:
        RsInspectError: If an axis, a limit or a name is not one there is.

    >>> import rsinspect
    >>> space = rsinspect.scale(depth=(50, 101), resolution=(160,), most={"flops": 5e9})
    >>> [row["depth"] for row in space.rows]
    [50]
    """
    from rsinspect.api.estimating import estimator
    from rsinspect.api.results import Charted
    from rsinspect.design_space.answer import scale_answer, scale_chart
    from rsinspect.design_space.axes import axis, preset_axes
    from rsinspect.design_space.objectives import parse_objectives
    from rsinspect.design_space.search import Bounds, Search
    from rsinspect.design_space.space import Space
    from rsinspect.layers.question import Question

    axes = {} if preset is None else preset_axes(preset)
    given = {"depth": depth, "blocks": blocks, "width": width, "resolution": resolution}
    axes |= {name: axis(name, values) for name, values in given.items() if values is not None}
    space = Space.of(axes, dialect=dialect, rule=layout_rule)
    search = Search(
        space=space,
        latencies=estimator(runs, db).latencies(space, batch) if latency else None,
        question=Question(convention, batch, dtype),
        bounds=Bounds(least=dict(least or {}), most=dict(most or {})),
        objectives=parse_objectives(objective),
        only_front=pareto,
        sort=sort,
        limit=limit,
    )
    found = search.run()
    return Charted(scale_answer(found), lambda: scale_chart(found))
