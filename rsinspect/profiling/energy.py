"""What the machine's own counters say of energy, where they can be read without being root.

Of a CPU it is RAPL, through the kernel's powercap: the counters of each processor package and of
the memory beside it, whoever used them. Since 2020 the kernel gives them to root alone, unless
somebody opens them (CVE-2020-8694: whoever reads them can tell what other programs compute). Of an
NVIDIA GPU it is NVML's counter of the whole board, since Volta. What is in between, such as fans
and power supplies, no counter knows.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from rsinspect.profiling.machine import ROOT

ZONES = "sys/class/powercap"


class Meter(NamedTuple):
    """A counter of energy.

    Attributes:
        source: Which counters, in words.
        read: Returns the joules since some moment.
    """

    source: str
    read: Callable[[], float]


def energy_meter(device: str, root: Path = ROOT) -> tuple[Meter | None, str | None]:
    """Find the counter of a device, or say why there is none.

    Args:
        device: ``cpu``, ``gpu`` or ``gpu:1``.
        root: Of the files of the system.
    """
    kind, _, number = device.partition(":")
    return _rapl(root) if kind == "cpu" else _nvml(int(number or 0))


class _Zone:
    """A counter of RAPL, which begins at zero again now and then."""

    def __init__(self, folder: Path) -> None:
        self.name = (folder / "name").read_text().strip()
        self._file = folder / "energy_uj"
        self._range = int((folder / "max_energy_range_uj").read_text())
        self._last = self._raw()
        self._total = 0

    def _raw(self) -> int:
        return int(self._file.read_text())

    def read(self) -> float:
        """Return the joules since it was found; to be read more often than it begins again."""
        now = self._raw()
        self._total += (now - self._last) % (self._range + 1)
        self._last = now
        return self._total / 1e6


def _rapl(root: Path) -> tuple[Meter | None, str | None]:
    zones: list[_Zone] = []
    for folder in sorted((root / ZONES).glob("intel-rapl:*")):  # AMD's are called so too
        try:
            zone = _Zone(folder)
        except PermissionError:
            return None, f"root alone may read /{ZONES}/{folder.name}/energy_uj"
        except (OSError, ValueError):
            continue
        if zone.name.startswith("package") or zone.name == "dram":  # core is part of a package
            zones.append(zone)
    if not zones:
        return None, f"no counter of RAPL is in /{ZONES}; virtual machines have none"
    names = ", ".join(dict.fromkeys(zone.name for zone in zones))
    return Meter(f"RAPL: {names}, whoever used it", lambda: sum(z.read() for z in zones)), None


def _nvml(number: int) -> tuple[Meter | None, str | None]:
    try:
        import pynvml
    except ImportError:
        return None, "nvidia-ml-py is not installed; it comes with rsinspect[gpu]"
    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(number)
        pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except pynvml.NVMLError as exc:
        return None, f"NVML does not tell: {exc}"

    def read() -> float:
        return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1e3

    return Meter("NVML: the whole board", read), None
