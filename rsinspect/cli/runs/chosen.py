"""Which runs of the store are meant, as options."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from rsinspect.base.errors import check_choice
from rsinspect.cli.declaration import completing, option
from rsinspect.cli.options import models
from rsinspect.profiling.choices import BACKENDS, MODES, PRECISIONS

if TYPE_CHECKING:
    from rsinspect.runs.stored import Selection

_KINDS = ("profile", "prediction", "fastest", "compare")


def _of(*names: str, help: str, **more: Any) -> Any:
    return option(*names, help=help, panel="Which runs", **more)


@dataclass(kw_only=True, repr=False)  # a frozen one takes twice as long to make, at every call
class ChosenRuns:
    """Which runs are meant: those of which all that is given is true."""

    model: Annotated[
        str | None,
        _of(
            "--model",
            help="Of this network: MODEL, at any size where it names none, or 'EfficientNet*'.",
            autocompletion=completing(models),
        ),
    ] = None
    batch: Annotated[int | None, _of("--batch", "-b", help="With so many images.")] = None
    mode: Annotated[str | None, _of("--mode", help="In this mode: {}.", choices=MODES)] = None
    precision: Annotated[str | None, _of("--precision", help="In {}.", choices=PRECISIONS)] = None
    backend: Annotated[str | None, _of("--backend", help="On {}.", choices=BACKENDS)] = None
    device: Annotated[str | None, _of("--device", help="On cpu, gpu or gpu:1.")] = None
    tag: Annotated[str | None, _of("--tag", help="With this tag, or tags like 'v1-*'.")] = None
    machine: Annotated[
        str | None, _of("--machine", help="On this machine, by its digits or the first of them.")
    ] = None
    since: Annotated[str | None, _of("--since", help="Since 2026-11-01, or in the last 2d.")] = None
    kind: Annotated[str | None, _of("--kind", help="Of this kind: {}.", choices=_KINDS)] = None
    sweep: Annotated[str | None, _of("--sweep", help="Of this sweep.")] = None

    def selection(self) -> "Selection":
        """Check the options and make the selection.

        Raises:
            RsInspectError: If one of them means nothing.
        """
        from rsinspect.runs.references import model_meant, moment
        from rsinspect.runs.stored import Selection

        for what, value, known in (
            ("mode", self.mode, MODES),
            ("precision", self.precision, PRECISIONS),
            ("backend", self.backend, BACKENDS),
            ("kind", self.kind, _KINDS),
        ):
            if value is not None:
                check_choice(what, value, known)
        return Selection(
            batch=self.batch,
            mode=self.mode,
            precision=self.precision,
            backend=self.backend,
            device=self.device,
            tag=self.tag,
            machine=self.machine,
            since_s=None if self.since is None else moment(self.since, time.time()),
            kind=self.kind,
            sweep=self.sweep,
            **({} if self.model is None else model_meant(self.model)),
        )
