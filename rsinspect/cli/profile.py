"""``rsinspect profile``: how fast the network is on this machine, stage by stage."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from rsinspect.base.errors import ClosureFailed, InvalidMeasurement
from rsinspect.cli.claims import reads, writes
from rsinspect.cli.options import model_command, one_of, option
from rsinspect.cli.outputs import (
    CHARTED,
    ChartedFormat,
    ChartedOutput,
    Notes,
    answer_charted,
    chosen,
    write,
)
from rsinspect.drawing.choices import PLOT_THEMES
from rsinspect.networks.network import Network
from rsinspect.profiling.choices import BACKENDS, PRECISIONS

if TYPE_CHECKING:
    from rsinspect.profiling.protocol import ProfileRequest
    from rsinspect.profiling.record.run import ProfileRun


def _how(*names: str, help: str) -> Any:
    return option(*names, help=help, panel="Measurement")


def _file(*names: str, help: str, **more: Any) -> Any:
    return option(*names, help=help, panel="Files", **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuringOptions:
    """How the network is measured."""

    batch: Annotated[int, _how("--batch", "-b", help="Number of images in a batch.")] = 128
    mode: Annotated[
        str, _how("--mode", help="forward, or train: forward, backward and optimizer.")
    ] = "forward"
    level: Annotated[
        str,
        _how(
            "--level",
            help="Time each stage or each block on its own; layer divides blocks by a trace.",
        ),
    ] = "stage"
    precision: Annotated[
        str, _how("--precision", help=f"{one_of(PRECISIONS)}; float32 is without TF32.")
    ] = "float32"
    backend: Annotated[str, _how("--backend", help=f"{one_of(BACKENDS)}.")] = "tensorflow"
    device: Annotated[str, _how("--device", help="cpu, gpu or gpu:1.")] = "cpu"
    jit: Annotated[
        bool | None,
        _how("--jit/--no-jit", help="Compile with XLA. Default: on jax, not on tensorflow."),
    ] = None
    threads: Annotated[
        int | None,
        _how("--threads", help="Number of threads of the framework. Default: its own choice."),
    ] = None
    max_time: Annotated[
        float, _how("--max-time", help="Seconds to measure for, warm-up included.")
    ] = 60.0
    processes: Annotated[
        int,
        _how(
            "--processes",
            help="Number of fresh processes to split the time over; 3 or more for numbers that "
            "you publish.",
        ),
    ] = 1
    strict_batch: Annotated[
        bool, _how("--strict-batch", help="Fail if the batch does not fit; do not halve it.")
    ] = False
    strict: Annotated[
        bool, _how("--strict", help="Exit with code 1 unless the parts add up to the whole.")
    ] = False
    predict: Annotated[
        bool,
        _how("--predict/--no-predict", help="Predict from the distinct blocks first."),
    ] = True
    roofs: Annotated[
        bool, _how("--roofs/--no-roofs", help="Measure the most that the device can do.")
    ] = True

    def request(self, network: Network, *, trace: bool) -> "ProfileRequest":
        """Ask for the measurement.

        Raises:
            InvalidChoice: If a name is unknown.
            InvalidMeasurement: If it cannot be measured.
        """
        from rsinspect.profiling.protocol import ProfileRequest

        return ProfileRequest(
            network=network,
            batch=self.batch,
            mode=self.mode,  # type: ignore[arg-type]  # these are checked there
            level=self.level,  # type: ignore[arg-type]
            precision=self.precision,  # type: ignore[arg-type]
            backend=self.backend,
            device=self.device,
            jit=self.jit,
            threads=self.threads,
            max_time_s=self.max_time,
            processes=self.processes,
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
        _file("--plot", help="Also draw the latencies: .svg, .pdf or .png.", callback=writes),
    ] = None
    roofline: Annotated[
        Path | None,
        _file("--roofline", help="Also draw the roofline: .svg, .pdf or .png.", callback=writes),
    ] = None
    theme: Annotated[str, _file("--theme", help=f"Theme of the plots: {one_of(PLOT_THEMES)}.")] = (
        "paper"
    )

    def check(self, *, roofs: bool) -> None:
        """Refuse what cannot be written, before anything is measured.

        Raises:
            RenderError: If the suffix of a drawing or the theme is unknown.
            InvalidMeasurement: If the run does not have what a file needs.
        """
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

    def write(self, run: "ProfileRun") -> None:
        """Write the run to the files that were named.

        Raises:
            OutputNotWritable: If one cannot be written.
        """
        from rsinspect.profiling.record.document import to_json

        if self.save is not None:
            write({self.save: (json.dumps(to_json(run), indent=2) + "\n").encode()})
        if self.trace is not None:
            from rsinspect.profiling.timeline import chrome_trace_of

            write({self.trace: json.dumps(chrome_trace_of(run)).encode()})
        if self.plot is not None:
            from rsinspect.plots.latency import latency_plot
            from rsinspect.plots.page import plot_format

            write({self.plot: latency_plot(run, plot_format(self.plot), self.theme)})
        if self.roofline is not None:
            from rsinspect.plots.page import plot_format
            from rsinspect.plots.roofline import roofline_plot

            content = roofline_plot(run, plot_format(self.roofline), self.theme)
            write({self.roofline: content})


@model_command(default_model="50")
def profile(
    network: Network,
    how: MeasuringOptions,
    files: FileOptions,
    format: ChartedFormat = None,
    output: ChartedOutput = None,
    notes: Notes = "short",
) -> None:
    """Time a forward pass or training step, its parts and the whole; say if they add up."""
    from rsinspect.profiling.answer import closure_line, profile_answer

    chosen(CHARTED, output, format)
    files.check(roofs=how.roofs)
    run, interrupted = _run(network, how, files)
    if run is not None:
        files.write(run)
        from rsinspect.plots.latency import latency_plot

        answer_charted(
            profile_answer(run),
            lambda kind: latency_plot(run, kind, files.theme),
            format,
            output,
            notes,
            None,
        )
    if interrupted is not None:
        raise interrupted
    if run is not None and how.strict and run.closure.closes is not True:
        raise ClosureFailed(closure_line(run), "more time, a quieter machine, or --level stage")


def _run(
    network: Network, how: MeasuringOptions, files: FileOptions
) -> "tuple[ProfileRun | None, KeyboardInterrupt | None]":
    """Read or measure a run; after Ctrl-C, as far as it got, and the interruption."""
    if files.saved is not None:
        from rsinspect.profiling.record.document import load_run

        return load_run(files.saved), None
    request = how.request(network, trace=files.trace is not None)
    from rsinspect.cli.progress import measure
    from rsinspect.profiling.parent import Interrupted

    try:
        return measure(request), None
    except Interrupted as exc:
        return exc.run, exc
