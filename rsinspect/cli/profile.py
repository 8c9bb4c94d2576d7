"""``rsinspect profile``: how fast the network is on this machine, stage by stage."""

import json
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from rsinspect.base.errors import ClosureFailed, InvalidMeasurement, OutputNotWritable, check_choice
from rsinspect.base.talk import say
from rsinspect.base.words import Option, advice
from rsinspect.cli.claims import reads, writes
from rsinspect.cli.declaration import one_of, option
from rsinspect.cli.measuring import HowOptions, how
from rsinspect.cli.options import model_command
from rsinspect.cli.outputs import (
    CHARTED,
    ChartedFormat,
    ChartedOutput,
    Notes,
    answer,
    answer_charted,
    chosen,
    write,
)
from rsinspect.cli.picture import PlaceOptions
from rsinspect.cli.recording import RecordOptions
from rsinspect.drawing.choices import PLOT_THEMES, PLOTS
from rsinspect.layers.map_layout import LAYOUTS
from rsinspect.networks.network import Network
from rsinspect.render.formats import NOTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rsinspect.answers.table import Answer
    from rsinspect.profiling.budget import Budget
    from rsinspect.profiling.record.predicted import PredictedRun
    from rsinspect.profiling.record.run import ProfileRun
    from rsinspect.profiling.request import ProfileRequest


BOTH = "both"
"""Of the layouts: compare them."""

_DRAWN = one_of(PLOTS.suffixes)


def _file(*names: str, help: str, **more: Any) -> Any:
    return option(*names, help=help, panel="Files", **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuringOptions(HowOptions):
    """How the network is measured."""

    layout: Annotated[
        str,
        how(
            "--layout",
            help="Order of a map's axes, Keras's data format: {}; both compares them.",
            choices=(*LAYOUTS, BOTH),
        ),
    ] = "channels_last"
    fastest: Annotated[
        bool,
        how(
            "--fastest",
            help="Compare all ways that leave the results alone (folding, layouts, compilers), "
            "and name the fastest.",
        ),
    ] = False
    strict_batch: Annotated[
        bool, how("--strict-batch", help="Fail if the batch does not fit; do not halve it.")
    ] = False
    strict: Annotated[
        bool, how("--strict", help="Exit with code 1 unless the parts add up to the whole.")
    ] = False
    predict: Annotated[
        bool,
        how("--predict/--no-predict", help="Predict from the distinct blocks first."),
    ] = True
    roofs: Annotated[
        bool, how("--roofs/--no-roofs", help="Measure the most that the device can do.")
    ] = True

    @property
    def among(self) -> tuple[str, ...] | None:
        """Name the choices between which to find the fastest; () for all, None for no contest."""
        if self.fastest:
            return ()
        return ("layout",) if self.layout == BOTH else None

    def request(self, network: Network, *, trace: bool) -> "ProfileRequest":
        """Ask for the measurement.

        Raises:
            InvalidChoice: If a name is unknown.
            InvalidMeasurement: If it cannot be measured.
        """
        check_choice("layout", self.layout, (*LAYOUTS, BOTH))
        return self.asked(
            network,
            layout=LAYOUTS[0] if self.layout == BOTH else self.layout,
            strict_batch=self.strict_batch,
            predict=self.predict,
            roofs=self.roofs,
            trace=trace,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    """Where a run comes from, and where else it goes."""

    save: Annotated[
        Path | None,
        _file("--save", help="Also write the whole run as JSON to this file.", callback=writes),
    ] = None
    saved: Annotated[
        Path | None,
        _file(
            "--from",
            help="Show a run that --save wrote, in any format, and measure nothing; MODEL and "
            "the options of measuring are ignored.",
            callback=reads,
        ),
    ] = None
    trace: Annotated[
        Path | None,
        _file(
            "--trace",
            help="Also record one pass op by op, and write it with the segments as Chrome trace "
            "JSON, for Perfetto.",
            callback=writes,
        ),
    ] = None
    plot: Annotated[
        Path | None,
        _file("--plot", help=f"Also draw the latencies: {_DRAWN}.", callback=writes),
    ] = None
    roofline: Annotated[
        Path | None,
        _file("--roofline", help=f"Also draw the roofline: {_DRAWN}.", callback=writes),
    ] = None
    theme: Annotated[str, _file("--theme", help="Theme of the plots: {}.", choices=PLOT_THEMES)] = (
        "paper"
    )

    def check(self, *, roofs: bool) -> None:
        """Refuse what cannot be written, before anything is measured.

        Raises:
            RenderError: If the suffix of a drawing or the theme is unknown.
            InvalidMeasurement: If the run does not have what a file needs.
        """
        check_choice("theme", self.theme, PLOT_THEMES)
        for picture in (self.plot, self.roofline):
            if picture is not None:
                from rsinspect.plots.page import check_plot, plot_format

                check_plot(plot_format(picture), self.theme)
        if self.saved is None and self.roofline is not None and not roofs:
            raise InvalidMeasurement("a roofline needs roofs", "leave --no-roofs out")
        if self.saved is not None and self.save is not None:
            raise InvalidMeasurement(
                f"--from {self.saved} reads a run, there is none to --save",
                "leave one of them out",
            )

    def refuse_for_contest(self, how: MeasuringOptions) -> None:
        """Refuse what is of parts, where whole passes are compared.

        Raises:
            InvalidMeasurement: If something was asked for that has no answer then.
        """
        asked = {
            "save": self.save, "trace": self.trace, "plot": self.plot, "roofline": self.roofline,
            "strict": how.strict or None,
        }  # fmt: skip
        for name, value in asked.items():
            if value is not None:
                raise InvalidMeasurement(
                    advice("{} has no use here, where whole passes are compared",
                           Option(name)),
                    advice("leave it out; the answer itself can be written with {}",
                           Option("output", "ways.json")),
                )  # fmt: skip

    def writers(
        self, run: "ProfileRun | PredictedRun", place: PlaceOptions
    ) -> "Iterator[Callable[[], None]]":
        """List what writes each of the files that were named, the run itself first.

        Where nothing was measured there is nothing to draw; what was predicted can be saved.
        """
        from rsinspect.plots.page import plot_format
        from rsinspect.profiling.record.predicted import PredictedRun

        if (save := self.save) is not None:
            yield lambda: write({save: _document(run)})
        if isinstance(run, PredictedRun):
            return
        if (trace := self.trace) is not None:
            from rsinspect.profiling.timeline import chrome_trace_of

            yield lambda: write({trace: json.dumps(chrome_trace_of(run)).encode()})
        if (plot := self.plot) is not None:
            from rsinspect.plots.latency import latency_plot

            yield lambda: write(
                {plot: latency_plot(run, plot_format(plot), self.theme, place.sheet())}
            )
        if (roofline := self.roofline) is not None:
            from rsinspect.plots.roofline import roofline_plot

            yield lambda: write(
                {roofline: roofline_plot(run, plot_format(roofline), self.theme, place.sheet())}
            )

    @property
    def draws(self) -> bool:
        """Tell whether a file was named that takes a measurement."""
        return any(path is not None for path in (self.trace, self.plot, self.roofline))


def _answer(run: "ProfileRun | PredictedRun") -> "Answer":
    from rsinspect.profiling.answer import predicted_answer, profile_answer
    from rsinspect.profiling.record.predicted import PredictedRun

    return predicted_answer(run) if isinstance(run, PredictedRun) else profile_answer(run)


def _document(run: "ProfileRun | PredictedRun") -> bytes:
    return (json.dumps(_answer(run).make_document(), indent=2) + "\n").encode()


@model_command(default_model="50")
def profile(
    network: Network,
    how: MeasuringOptions,
    files: FileOptions,
    place: PlaceOptions,
    record: RecordOptions,
    format: ChartedFormat = None,
    output: ChartedOutput = None,
    notes: Notes = "short",
) -> None:
    """Time a forward pass or training step, its parts and the whole; say if they add up.

    Examples:
        rsinspect profile 50@160 --batch 8
        rsinspect profile 152@224 --batch 1 --save run.json --plot latency.svg
    """
    from rsinspect.profiling.budget import Budget
    from rsinspect.profiling.parent import NotMeasured

    budget = Budget.starting(how.max_time)
    record.check()
    if how.among is not None and files.saved is None:
        from rsinspect.cli.contest import find_fastest

        files.refuse_for_contest(how)
        request = how.request(network, trace=False)
        find_fastest(request, how.among, budget, format, output, notes, record)
        return
    draws = files.draws or chosen(CHARTED, output, format) in PLOTS.names
    files.check(roofs=how.roofs)
    check_choice("choice of notes", notes, NOTES)
    if draws:
        place.sheet()
    run, ended = _run(network, how, files, budget)
    if isinstance(ended, NotMeasured) and run is not None and not (draws or how.strict):
        ended = None  # a prediction is an answer
    if run is not None:
        show = partial(_show, run, files.theme, place, format, output, notes)
        _deliver(run, files, place, record, show)
    if ended is not None:
        raise ended
    if how.strict:
        _check_closure(run)


def _run(
    network: Network, how: MeasuringOptions, files: FileOptions, budget: "Budget"
) -> "tuple[ProfileRun | PredictedRun | None, BaseException | None]":
    """Read or measure a run; as far as it got, and why it got no further."""
    if files.saved is not None:
        from rsinspect.profiling.record.predicted import PredictedRun
        from rsinspect.profiling.record.saved import load_saved

        run = load_saved(files.saved)
        if not isinstance(run, PredictedRun):
            return run, None
        from rsinspect.profiling.parent import NotMeasured

        return run, NotMeasured(
            f"{files.saved} holds a prediction, nothing was measured", None, run
        )
    request = how.request(network, trace=files.trace is not None)
    from rsinspect.cli.progress import measure
    from rsinspect.profiling.parent import Interrupted, NotMeasured

    try:
        return measure(request, budget), None
    except (Interrupted, NotMeasured) as exc:
        if exc.run is None and isinstance(exc, Interrupted):
            say("nothing was measured or predicted until then")
        return exc.run, exc


def _show(
    run: "ProfileRun | PredictedRun",
    theme: str,
    place: PlaceOptions,
    format: str | None,
    output: Path | None,
    notes: str,
) -> None:
    """Put the answer where it was wanted; a prediction has no plot, so its table is shown."""
    from rsinspect.profiling.record.predicted import PredictedRun

    if isinstance(run, PredictedRun):
        drawn = chosen(CHARTED, output, format) in PLOTS.names
        answer(_answer(run), None if drawn else format, None if drawn else output, notes)
        return
    from rsinspect.plots.latency import latency_plot

    answer_charted(
        _answer(run),
        lambda kind: latency_plot(run, kind, theme, place.sheet()),
        format,
        output,
        notes,
        None,
    )


def _deliver(
    run: "ProfileRun | PredictedRun",
    files: FileOptions,
    place: PlaceOptions,
    record: RecordOptions,
    show: "Callable[[], None]",
) -> None:
    """Show the answer, and write the files.

    Raises:
        OutputNotWritable: If one cannot be written; the others are.
    """
    from rsinspect.cli.delivery import deliver

    def show_anyway() -> None:
        try:
            show()
            sys.stdout.flush()
        except OutputNotWritable:
            answer(_answer(run), "table", None)
            raise

    steps = [show_anyway, *files.writers(run, place)]
    if record.wanted:
        steps.append(lambda: record.keep(_answer(run).make_document(), files.saved))
    deliver(steps, None if files.saved else lambda: _document(run), files.save)


def _check_closure(run: "ProfileRun | PredictedRun | None") -> None:
    """Insist that the parts add up.

    Raises:
        ClosureFailed: If they do not, or if nobody knows.
    """
    from rsinspect.profiling.notes import closure_line
    from rsinspect.profiling.record.run import ProfileRun

    if isinstance(run, ProfileRun) and run.closure.closes is not True:
        raise ClosureFailed(closure_line(run), "more time, a quieter machine, or --level stage")
