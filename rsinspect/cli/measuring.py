"""Options of the commands that measure: which passes of a network, run by what, for how long."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from rsinspect.answers.rows import LEVELS
from rsinspect.base.amounts import seconds_of
from rsinspect.cli.declaration import option
from rsinspect.layers.map_layout import LAYOUTS
from rsinspect.networks.network import Network
from rsinspect.profiling.choices import BACKENDS, MEMORY_FORMATS, MODES, PRECISIONS

if TYPE_CHECKING:
    from rsinspect.profiling.request import ProfileRequest


def how(*names: str, help: str, **more: Any) -> Any:
    """Declare an option of a measurement."""
    return option(*names, help=help, panel="Measurement", **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class PassOptions:
    """Which passes are measured, run by what, for how long."""

    batch: Annotated[int, how("--batch", "-b", help="Number of images in a batch.")] = 128
    mode: Annotated[
        str, how("--mode", help="{}; train is forward, backward and optimizer.", choices=MODES)
    ] = "forward"
    precision: Annotated[
        str, how("--precision", help="{}; float32 is without TF32.", choices=PRECISIONS)
    ] = "float32"
    backend: Annotated[str, how("--backend", help="{}.", choices=BACKENDS)] = "tensorflow"
    device: Annotated[str, how("--device", help="cpu, gpu or gpu:1.")] = "cpu"
    jit: Annotated[
        bool | None,
        how(
            "--jit/--no-jit",
            help="Compile, with XLA or torch.compile. Default: on jax, not elsewhere.",
        ),
    ] = None
    threads: Annotated[
        int | None,
        how("--threads", help="Number of threads of the framework. Default: its own choice."),
    ] = None
    max_time: Annotated[
        float,
        how(
            "--max-time",
            help="Time that all of it may take, 90s or 5m: importing, building, compiling, "
            "measuring.",
            parser=seconds_of,
            metavar="TIME",
        ),
    ] = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HowOptions(PassOptions):
    """How a network is measured."""

    level: Annotated[
        str,
        how(
            "--level",
            help="{}: time each on its own; layers divide blocks by a trace.",
            choices=LEVELS,
        ),
    ] = "stage"
    layout: Annotated[
        str,
        how(
            "--layout",
            help="Order of a map's axes, Keras's data format: {}.",
            choices=LAYOUTS,
        ),
    ] = "channels_last"
    memory_format: Annotated[
        str | None,
        how(
            "--memory-format",
            help="How torch keeps maps: {}. Default: channels_last with --jit, else as Keras "
            "has them.",
            choices=MEMORY_FORMATS,
        ),
    ] = None
    fused_batch_norm: Annotated[
        bool,
        how("--fused-batchnorm", help="Have tensorflow compute each batch norm in one op."),
    ] = False
    processes: Annotated[
        int,
        how(
            "--processes",
            help="Number of fresh processes to split the time over; 3 or more for numbers that "
            "you publish.",
        ),
    ] = 1

    def asked(self, network: Network, **more: Any) -> "ProfileRequest":
        """Ask for a measurement.

        Args:
            network: What is measured.
            more: Other fields of the request, or the same otherwise.

        Raises:
            InvalidChoice: If a name is unknown.
            InvalidMeasurement: If it cannot be measured.
        """
        from rsinspect.profiling.request import OwnWeights, ProfileRequest

        fields: dict[str, Any] = {
            "batch": self.batch,
            "mode": self.mode,
            "level": self.level,
            "precision": self.precision,
            "backend": self.backend,
            "device": self.device,
            "jit": self.jit,
            "layout": self.layout,
            "memory_format": self.memory_format,
            "fold_batch_norm": network.folding is not None,
            "fused_batch_norm": self.fused_batch_norm,
            "threads": self.threads,
            "max_time_s": self.max_time,
            "processes": self.processes,
            "weights": OwnWeights.of(network),
        }
        return ProfileRequest(network=network, **fields | more)
