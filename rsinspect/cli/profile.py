"""``rsinspect profile``: how fast the network is on this machine, stage by stage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rsinspect.cli.options import Format, Output, answer, model_command
from rsinspect.spec import ResNetRSSpec

if TYPE_CHECKING:
    from rsinspect.profiling.protocol import ProfileRequest
    from rsinspect.profiling.run import ProfileRun


@model_command(default_model="50")
def profile(
    spec: ResNetRSSpec,
    batch: Annotated[int, typer.Option("--batch", "-b", help="Images per forward pass.")] = 128,
    level: Annotated[str, typer.Option(help="Time each stage or each block apart.")] = "stage",
    max_time: Annotated[
        float, typer.Option("--max-time", help="Seconds of measuring, warm-up included.")
    ] = 60.0,
    backend: Annotated[str, typer.Option(help="tensorflow, jax or torch.")] = "tensorflow",
    device: Annotated[str, typer.Option(help="cpu.")] = "cpu",
    threads: Annotated[
        int | None, typer.Option(help="Threads of the framework. Default: its own choice.")
    ] = None,
    strict_batch: Annotated[
        bool, typer.Option("--strict-batch", help="Fail where the batch does not fit.")
    ] = False,
    save: Annotated[
        Path | None, typer.Option("--save", help="Also write the whole run as JSON to this file.")
    ] = None,
    saved: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Show a run that --save wrote, in any format, and measure nothing; MODEL and "
            "the options of measuring are not read.",
        ),
    ] = None,
    format: Format = "table",
    output: Output = None,
) -> None:
    """Time the forward pass, its stages or blocks and the whole; say how well they add up."""
    import json

    from rsinspect.errors import InvalidMeasurement
    from rsinspect.files import check_writable, write_whole
    from rsinspect.profiling.protocol import ProfileRequest
    from rsinspect.profiling.report import profile_report
    from rsinspect.profiling.run import load_run
    from rsinspect.render.data import check_format

    check_format(format)
    for path in (save, output):
        if path is not None and str(path) != "-":
            check_writable(path)
    if saved is not None:
        if save is not None:
            raise InvalidMeasurement(
                f"--from {saved} reads a run, there is none to --save", "leave one of them out"
            )
        answer(profile_report(load_run(saved)), format, output)
        return
    request = ProfileRequest(
        spec=spec,
        batch=batch,
        level=level,  # type: ignore[arg-type]  # checked there
        max_time_s=max_time,
        backend=backend,
        device=device,
        threads=threads,
        strict_batch=strict_batch,
    )
    run = _measure(request)
    if save is not None:
        write_whole(save, (json.dumps(run.to_json(), indent=2) + "\n").encode())
    answer(profile_report(run), format, output)


def _measure(request: ProfileRequest) -> ProfileRun:
    """Run the measurement with a progress bar on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from rsinspect.profiling import protocol
    from rsinspect.profiling.parent import profile as measure

    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[left]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as progress:
        task = progress.add_task("starting", total=None, left="")

        def show(event: protocol.Event) -> None:
            match event:
                case protocol.AttemptStarted(batch):
                    progress.update(task, description=f"batch {batch}", total=None, left="")
                case protocol.Phase(name):
                    words = f"{request.spec.name}: {name}"
                    progress.update(task, description=words, left="")
                case protocol.RoundDone():
                    progress.update(
                        task,
                        total=request.max_time_s,
                        completed=event.elapsed_s,
                        description=f"{request.spec.name}: {event.phase}, round {event.round}",
                        left=f"at most {event.remaining_s:.0f} s more",
                    )
                case protocol.BatchRefused(batch, reason):
                    console.print(f"batch {batch}: {reason}", highlight=False)
                case protocol.MemoryUsed():
                    pass

        return measure(request, on_event=show)
