"""What is to be measured, and how: the request, and as the parent hands it to a worker."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from rsinspect.answers.rows import LEVELS, Level
from rsinspect.base import codec, limits
from rsinspect.base.errors import InvalidMeasurement, check_choice
from rsinspect.base.quantities import DEVICE, Count
from rsinspect.base.words import Option, advice, plural, shown
from rsinspect.layers import ops
from rsinspect.layers.map_layout import LAYOUTS, Layout
from rsinspect.layers.partition import Level as CutLevel
from rsinspect.networks.network import Network, network_from_json
from rsinspect.profiling.budget import Budget
from rsinspect.profiling.choices import (
    BACKENDS,
    COMPILERS,
    MEMORY_FORMATS,
    MODES,
    PRECISIONS,
    MemoryFormat,
    Mode,
    Precision,
    WeightsOf,
)
from rsinspect.profiling.rounds import MOST_ROUNDS

JIT = {"tensorflow": (False, True), "jax": (True,), "torch": (False, True)}
"""Whether the network can be run as it is, compiled (XLA, torch.compile), or both; the default
first."""

DEFAULT_MAX_TIME_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a network is to be measured, whatever network it is.

    Attributes:
        batch: Images in a batch.
        mode: ``forward``: inference. ``train``: forward, backward and optimizer.
        level: What is timed apart: each ``stage`` or each ``block``; ``layer`` divides the time of
            each block among its layers, by their shares in a trace.
        precision: ``float32`` (no TF32), ``tf32``, ``bfloat16`` or ``float16``; the latter two are
            Keras's mixed policies, with weights in float32.
        backend: Keras backend.
        device: ``cpu``, ``gpu`` or ``gpu:1``.
        jit: Compile, with XLA or torch.compile; None for the backend's default.
        layout: Order of a map's axes in which the Keras network computes, its ``data_format``.
        memory_format: In which PyTorch keeps maps and kernels; None for channels_last where
            torch.compile compiles, and else as Keras has them.
        fold_batch_norm: The network is one whose batch norms were folded into its convolutions.
        fused_batch_norm: TensorFlow computes each batch norm in one op, as Keras 2 had it do.
        threads: Of one operation, with one operation at a time; None leaves it to the framework.
        max_time_s: Budget of everything: importing, building, compiling, predicting, warm-up,
            rounds, trace and roofs, in all processes.
        most_rounds: To be measured in a process, if the time lasts.
        processes: Fresh processes that measure one after the other.
        strict_batch: Refuse when the batch does not fit, instead of halving it.
        predict: First time a network of the distinct blocks alone.
        roofs: Measure what the device can do at most.
        trace: Record one pass with the framework's profiler.
        seed: Of weights, images and the order of samples.
        memory_limit_bytes: Memory the worker may take beyond its framework; None for no limit.

    Raises:
        InvalidChoice: If a mode, level, precision or backend is unknown.
        InvalidMeasurement: If nobody can measure that.
    """

    batch: int
    mode: Mode = "forward"
    level: Level = "stage"
    precision: Precision = "float32"
    backend: str = "tensorflow"
    device: str = "cpu"
    jit: bool | None = None
    layout: Layout = "channels_last"
    memory_format: MemoryFormat | None = None
    fold_batch_norm: bool = False
    fused_batch_norm: bool = False
    threads: int | None = None
    max_time_s: float = DEFAULT_MAX_TIME_S
    most_rounds: int = MOST_ROUNDS
    processes: int = 1
    strict_batch: bool = False
    predict: bool = True
    roofs: bool = True
    trace: bool = False
    seed: int = 0
    memory_limit_bytes: Count | None = None

    def __post_init__(self) -> None:
        for limit, number in (
            (limits.MEASURED_BATCH, self.batch),
            (limits.PROCESSES, self.processes),
            (limits.ROUNDS, self.most_rounds),
            (limits.MAX_TIME, self.max_time_s),
            (limits.SEED, self.seed),
            (limits.THREADS, 1 if self.threads is None else self.threads),
        ):
            limit.check(number, InvalidMeasurement)
        for what, value, known in (
            ("mode", self.mode, MODES),
            ("level", self.level, LEVELS),
            ("precision", self.precision, PRECISIONS),
            ("backend", self.backend, BACKENDS),
            ("layout", self.layout, LAYOUTS),
            ("memory format", self.memory_format or LAYOUTS[0], MEMORY_FORMATS),
        ):
            check_choice(what, value, known)
        if not re.match(DEVICE, str(self.device)):
            raise InvalidMeasurement(
                f"unknown device {shown(self.device)}",
                "it is cpu, gpu, or gpu:1 for the second one",
            )
        if self.on_cpu and self.precision == "tf32":
            raise InvalidMeasurement(
                "tf32 is a format of GPUs; the cpu computes float32, bfloat16 or float16",
                advice("leave {} out, or choose {}", Option("precision"), Option("device", "gpu")),
            )
        if not self.on_cpu and self.threads is not None:
            raise InvalidMeasurement("threads are of the cpu; a gpu has no such number")
        if self.jit is not None and self.jit not in JIT[self.backend]:
            raise InvalidMeasurement(
                "jax compiles whatever it runs: it cannot do without jit",
                advice("leave {} out", Option("jit")),
            )
        if self.memory_format is not None and self.backend != "torch":
            raise InvalidMeasurement(
                f"a memory format is PyTorch's; {self.backend} chooses its own",
                advice(
                    "leave {} out, or choose {}",
                    Option("memory_format"), Option("backend", "torch"),
                ),
            )  # fmt: skip
        if self.fused_batch_norm and self.backend != "tensorflow":
            raise InvalidMeasurement(
                f"the op of a whole batch norm is TensorFlow's; {self.backend} has none to choose",
                advice(
                    "leave {} out, or choose {}",
                    Option("fused_batch_norm"), Option("backend", "tensorflow"),
                ),
            )  # fmt: skip
        if self.fold_batch_norm and self.mode == "train":
            raise InvalidMeasurement(
                "a folded network has no batch norm to train: folding is for inference",
                advice("leave {} out", Option("mode", "train")),
            )

    @property
    def on_cpu(self) -> bool:
        """Tell whether the device is the CPU."""
        return self.device == "cpu"

    @property
    def compiles(self) -> bool:
        """Tell whether XLA or torch.compile compiles the network."""
        return JIT[self.backend][0] if self.jit is None else self.jit

    def conditions(self, batch: int) -> str:
        """Describe mode, batch, precision, backend, what departs from its default, and device."""
        how = [self.backend]
        if self.compiles and self.backend != "jax":
            how.append(f"with {COMPILERS[self.backend]}")
        where = [f"{self.precision}, {' '.join(how)} on {self.device}"]
        if self.layout != LAYOUTS[0]:
            where.append(self.layout)
        if self.memory_format is not None:
            where.append(f"{self.memory_format} in memory")
        if self.fused_batch_norm:
            where.append("batch norm fused")
        return f"{self.mode}, batch {batch}, {', '.join(where)}"

    @property
    def one_pass(self) -> str:
        """Name a pass, with its images."""
        what = "training step" if self.mode == "train" else "forward pass"
        return f"a {what} of {plural(self.batch, 'image')}"

    @property
    def computes_in(self) -> str:
        """Name the type of the numbers that are computed with."""
        return {"tf32": "float32"}.get(self.precision, self.precision)

    @property
    def traces(self) -> bool:
        """Tell whether passes are recorded op by op."""
        return self.trace or self.level == "layer"

    @property
    def cut_level(self) -> CutLevel:
        """Name the level at which parts are timed; layers are shares of blocks."""
        return "stage" if self.level == "stage" else "block"


@dataclass(frozen=True, slots=True)
class OwnWeights:
    """Weights that a network has already.

    Attributes:
        path: Of the file they are in.
        origin: Whether that is the network's own file, or was made of a live model.
    """

    path: str
    origin: Literal["file", "model"]

    @classmethod
    def of(cls, network: Network) -> OwnWeights | None:
        """Name those in the file that a network was read from; None where there are none."""
        return None if network.weights is None else cls(str(network.weights.absolute()), "file")


def check_names(options: Iterable[str]) -> None:
    """Refuse names that are of no setting; the batch has an argument of its own.

    Raises:
        InvalidChoice: With the nearest that is one.
    """
    for name in options:
        check_choice("option", name, [x.name for x in fields(Settings) if x.name != "batch"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Another network, which is measured in turns with the one of a request, in the same way.

    Attributes:
        network: What is measured.
        weights: With which weights; None for fresh ones.
    """

    network: Network
    weights: OwnWeights | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRequest(Settings):
    """What is to be measured, and how.

    Attributes:
        network: What is measured.
        weights: With which weights; None for fresh ones.
        process: Number of the process; those after the first measure and estimate nothing.
        beside: What is measured in turns with it; None for nothing.

    Raises:
        InvalidMeasurement: If nobody can measure that.
    """

    network: Network
    weights: OwnWeights | None = None
    process: int = 0
    beside: Beside | None = None

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        for layer in self.network.graph:
            if isinstance(layer.op, ops.Opaque):
                raise InvalidMeasurement(
                    f"{layer.path} is a layer of class {layer.op.class_name}, "
                    "which is not known here: the network cannot be built to be measured",
                    "summary and graph work without building it",
                )
        if self.mode == "train" and not self.network.cost.trainable_params:
            raise InvalidMeasurement(
                f"nothing in {self.network.name} is trained: it has no trainable params",
                advice("leave {} out", Option("mode", "train")),
            )

    @classmethod
    def of(cls, network: Network, settings: Settings) -> ProfileRequest:
        """Request a network as settings say, with fresh weights.

        Raises:
            InvalidMeasurement: If nobody can measure that.
        """
        return cls(network=network, **{f.name: getattr(settings, f.name) for f in fields(Settings)})

    @property
    def settings(self) -> Settings:
        """Return everything but the network."""
        return Settings(**{f.name: getattr(self, f.name) for f in fields(Settings)})

    @property
    def other(self) -> ProfileRequest | None:
        """Request the network beside alone; None where there is none.

        Raises:
            InvalidMeasurement: If nobody can measure that.
        """
        if self.beside is None:
            return None
        return replace(
            self, network=self.beside.network, weights=self.beside.weights, beside=None,
            fold_batch_norm=self.beside.network.folding is not None,
        )  # fmt: skip

    @property
    def weights_of(self) -> WeightsOf:
        """Tell whose weights the network is measured with."""
        return "fresh" if self.weights is None else self.weights.origin

    def of_distinct(self, network: Network, batch: int) -> ProfileRequest:
        """Request the network of the distinct blocks instead, timed block by block."""
        return replace(self, network=network, batch=batch, level="block", weights=None)

    def again(self, process: int) -> ProfileRequest:
        """Request another process: with a seed of its own and the measurement alone."""
        return replace(
            self, seed=self.seed + process, predict=False, roofs=False, trace=False,
            level=self.cut_level, process=process,
        )  # fmt: skip


def request_to_json(request: ProfileRequest, budget: Budget) -> dict[str, Any]:
    """Write a request and what it may take as plain JSON values, its network whole."""
    settings: dict[str, Any] = codec.to_json(request.settings)
    return settings | {
        "network": request.network.to_json(),
        "weights": codec.to_json(request.weights),
        "process": request.process,
        "beside": request.beside
        and {
            "network": request.beside.network.to_json(),
            "weights": codec.to_json(request.beside.weights),
        },
        "ends_s": budget.ends_s,
    }


def request_from_json(document: dict[str, Any]) -> tuple[ProfileRequest, Budget]:
    """Read the request that ``request_to_json`` wrote; its network has no spec."""
    settings = codec.from_json(document, Settings, "request")
    beside = document["beside"]
    request = ProfileRequest(
        **{f.name: getattr(settings, f.name) for f in fields(Settings)},
        network=network_from_json(document["network"]),
        process=document["process"],
        weights=_weights(document),
        beside=beside
        and Beside(network=network_from_json(beside["network"]), weights=_weights(beside)),
    )
    return request, Budget(whole_s=request.max_time_s, ends_s=document["ends_s"])


def _weights(document: dict[str, Any]) -> OwnWeights | None:
    found = document["weights"]
    return None if found is None else codec.from_json(found, OwnWeights, "weights")
