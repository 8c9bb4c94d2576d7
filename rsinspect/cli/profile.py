"""``rsinspect profile``: how fast the network is on this machine, stage by stage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from rsinspect.cli.options import Format, Output, answer, model_command, plot_format
from rsinspect.networks.network import Network

if TYPE_CHECKING:
    from rsinspect.profiling.protocol import ProfileRequest
    from rsinspect.profiling.run import ProfileRun

_HOW = "Measurement"
_FILES = "Files"


def _option(*names: str, help: str, panel: str = _HOW) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=panel)


@model_command(default_model="50")
def profile(
    network: Network,
    batch: Annotated[int, _option("--batch", "-b", help="Images in a batch.")] = 128,
    mode: Annotated[
        str, _option("--mode", help="forward, or train: forward, backward and optimizer.")
    ] = "forward",
    level: Annotated[
        str,
        _option(
            "--level",
            help="Time each stage or each block apart; layer divides blocks by a trace.",
        ),
    ] = "stage",
    precision: Annotated[
        str, _option("--precision", help="float32 (TF32 off), tf32, bfloat16 or float16.")
    ] = "float32",
    backend: Annotated[str, _option("--backend", help="tensorflow, jax or torch.")] = "tensorflow",
    device: Annotated[str, _option("--device", help="cpu, gpu or gpu:1.")] = "cpu",
    jit: Annotated[
        bool | None,
        _option("--jit/--no-jit", help="Compile with XLA. Default: on jax, not on tensorflow."),
    ] = None,
    threads: Annotated[
        int | None, _option("--threads", help="Threads of the framework. Default: its own choice.")
    ] = None,
    max_time: Annotated[
        float, _option("--max-time", help="Seconds of measuring, warm-up included.")
    ] = 60.0,
    processes: Annotated[
        int, _option("--processes", help="Fresh processes that share the time; 3 or more to quote.")
    ] = 1,
    strict_batch: Annotated[
        bool, _option("--strict-batch", help="Fail where the batch does not fit, never halve it.")
    ] = False,
    strict: Annotated[
        bool, _option("--strict", help="Exit code 1 unless the segments add up to the whole.")
    ] = False,
    predict: Annotated[
        bool,
        _option("--predict/--no-predict", help="First time the distinct blocks alone."),
    ] = True,
    roofs: Annotated[
        bool, _option("--roofs/--no-roofs", help="Measure what the device can do at most.")
    ] = True,
    save: Annotated[
        Path | None,
        _option("--save", help="Also write the whole run as JSON to this file.", panel=_FILES),
    ] = None,
    saved: Annotated[
        Path | None,
        _option(
            "--from",
            help="Show a run that --save wrote, in any format, and measure nothing; MODEL and "
            "the options of measuring are not read.",
            panel=_FILES,
        ),
    ] = None,
    trace: Annotated[
        Path | None,
        _option(
            "--trace",
            help="Also record one pass op by op, and write it with the segments as Chrome trace "
            "JSON, for Perfetto.",
            panel=_FILES,
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        _option("--plot", help="Also draw the latencies: .svg, .pdf or .png.", panel=_FILES),
    ] = None,
    roofline: Annotated[
        Path | None,
        _option("--roofline", help="Also draw the roofline: .svg, .pdf or .png.", panel=_FILES),
    ] = None,
    theme: Annotated[
        str, _option("--theme", help="Of the drawings: paper, light, dark or print.", panel=_FILES)
    ] = "paper",
    format: Format = "table",
    output: Output = None,
) -> None:
    """Time a forward pass or training step, its parts and the whole; say if they add up."""
    from rsinspect.base.errors import ClosureFailed, InvalidMeasurement
    from rsinspect.base.files import check_writable
    from rsinspect.profiling.protocol import ProfileRequest
    from rsinspect.profiling.report import closure_line
    from rsinspect.profiling.run_document import load_run
    from rsinspect.render.formats import check_format

    check_format(format)
    for picture in (plot, roofline):
        if picture is not None:
            from rsinspect.plots.page import check_plot

            check_plot(plot_format(picture), theme)
    files = _Files(save=save, trace=trace, plot=plot, roofline=roofline, theme=theme)
    for path in (save, trace, plot, roofline, output):
        if path is not None and str(path) != "-":
            check_writable(path)
    if roofline is not None and not roofs and saved is None:
        raise InvalidMeasurement("a roofline needs roofs", "leave --no-roofs out")
    if saved is not None:
        if save is not None:
            raise InvalidMeasurement(
                f"--from {saved} reads a run, there is none to --save", "leave one of them out"
            )
        run = load_run(saved)
    else:
        request = ProfileRequest(
            network=network,
            batch=batch,
            mode=mode,  # type: ignore[arg-type]  # these are checked there
            level=level,  # type: ignore[arg-type]
            precision=precision,  # type: ignore[arg-type]
            backend=backend,
            device=device,
            jit=jit,
            threads=threads,
            max_time_s=max_time,
            processes=processes,
            strict_batch=strict_batch,
            predict=predict,
            roofs=roofs,
            trace=trace is not None,
        )
        run = _measure(request, lambda run: _finish(run, files, format, output))
    _finish(run, files, format, output)
    if strict and run.closure.closes is not True:
        raise ClosureFailed(closure_line(run), "more time, a quieter machine, or --level stage")


class _Files(NamedTuple):
    """Where else the run goes."""

    save: Path | None
    trace: Path | None
    plot: Path | None
    roofline: Path | None
    theme: str


def _finish(run: ProfileRun, files: _Files, format: str, output: Path | None) -> None:
    """Write the files, then answer."""
    import json

    from rsinspect.base.files import write_whole
    from rsinspect.profiling.report import profile_answer

    if files.save is not None:
        from rsinspect.profiling.run_document import to_json

        write_whole(files.save, (json.dumps(to_json(run), indent=2) + "\n").encode())
    if files.trace is not None:
        from rsinspect.profiling.timeline import chrome_trace_of

        write_whole(files.trace, json.dumps(chrome_trace_of(run)).encode())
    if files.plot is not None:
        from rsinspect.plots.latency import latency_plot

        write_whole(files.plot, latency_plot(run, plot_format(files.plot), files.theme))
    if files.roofline is not None:
        from rsinspect.plots.roofline import roofline_plot

        write_whole(files.roofline, roofline_plot(run, plot_format(files.roofline), files.theme))
    answer(profile_answer(run), format, output)


def _measure(request: ProfileRequest, on_interrupt: Callable[[ProfileRun], None]) -> ProfileRun:
    """Run the measurement with a progress bar on stderr, after what is known without it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from rsinspect.profiling import protocol
    from rsinspect.profiling.parent import Interrupted, prediction_of
    from rsinspect.profiling.parent import profile as measure
    from rsinspect.profiling.report import estimate, prediction_table
    from rsinspect.render.console import print_table

    console = Console(stderr=True)
    console.print(estimate(request), highlight=False)
    name = request.network.name
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[left]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        refresh_per_second=2,  # drawing takes processor time from what is measured
    ) as progress:
        task = progress.add_task("starting", total=None, left="")

        def show(event: protocol.Event) -> None:
            match event:
                case protocol.AttemptStarted(batch, process):
                    words = f"batch {batch}"
                    if request.processes > 1:
                        words += f", process {process + 1} of {request.processes}"
                    progress.update(task, description=words, total=None, left="")
                case protocol.Phase(phase):
                    progress.update(task, description=f"{name}: {phase}", total=None, left="")
                case protocol.RoundDone():
                    progress.update(
                        task,
                        total=request.max_time_s / request.processes,
                        completed=event.elapsed_s,
                        description=f"{name}: {event.phase}, round {event.round}",
                        left=f"at most {event.remaining_s:.0f} s more",
                    )
                case protocol.Predicted():
                    title = f"{name}, predicted"
                    print_table(prediction_table(prediction_of(event), title), console)
                case protocol.BatchRefused(batch, reason):
                    console.print(f"batch {batch}: {reason}", highlight=False)
                case protocol.MemoryUsed():
                    pass

        try:
            return measure(request, on_event=show)
        except Interrupted as exc:
            interrupted = exc
    if interrupted.run is not None:
        on_interrupt(interrupted.run)
    raise interrupted
