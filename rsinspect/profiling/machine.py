"""What the operating system says about this machine; a fact it does not tell comes with a reason.

Linux tells most of it. Everything reads small text files below ``root``, so that a test can write
them.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path

from rsinspect.profiling.gate import Probe, Usage

if sys.platform != "win32":
    import resource

Fact = tuple[str | None, str | None]
"""A value, or None and the reason why there is none."""

ROOT = Path("/")

CLOCK_TICKS_PER_S = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def cpu_model(root: Path = ROOT) -> Fact:
    """Read the name of the processor, as the kernel has it."""
    for line in (_text(root / "proc/cpuinfo") or "").splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model", "Hardware") and value.strip():
            return value.strip(), None
    if name := platform.processor():
        return name, None
    return None, "neither /proc/cpuinfo nor the platform names it"


def governor(root: Path = ROOT) -> Fact:
    """Read the frequency governor of the first processor."""
    path = "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
    text = _text(root / path)
    if text is None:
        return None, f"/{path} cannot be read; virtual machines have none"
    return text.strip(), None


def load_average() -> tuple[float | None, str | None]:
    """Read the number of processes running or waiting, averaged over the last minute."""
    try:
        return os.getloadavg()[0], None
    except (OSError, AttributeError):
        return None, "this system keeps no load average"


def affinity() -> tuple[int | None, str | None]:
    """Count the processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)), None
    return None, "this system has no processor affinity"


def cgroup_directories(controller: str, root: Path = ROOT) -> tuple[Path, ...]:
    """List the directories of this process's control group and its parents, innermost first.

    Of version 2 where the line is ``0::/path``, of version 1 where it names the controller. Inside
    a container the path may be the host's; the root of the hierarchy then stands for it.
    """
    found: list[Path] = []
    for line in (_text(root / "proc/self/cgroup") or "").splitlines():
        parts = line.split(":", 2)
        if len(parts) != 3:
            continue
        number, controllers, path = parts
        base = root / "sys/fs/cgroup"
        if controllers:
            if controller not in controllers.split(","):
                continue
            base /= controller
        elif number != "0":
            continue
        inside = base / path.strip("/")
        for directory in (inside, *inside.parents):
            if directory.is_dir():
                found.append(directory)
            if directory == base:
                break
    return tuple(found)


def cgroup_cpus(root: Path = ROOT) -> tuple[float | None, str | None]:
    """Convert the control group's quota to a number of processors."""
    quotas = []
    for directory in cgroup_directories("cpu", root):
        if text := _text(directory / "cpu.max"):
            quota, _, period = text.strip().partition(" ")
        else:
            quota = (_text(directory / "cpu.cfs_quota_us") or "").strip()
            period = (_text(directory / "cpu.cfs_period_us") or "").strip()
        if quota.isdigit() and period.isdigit() and int(period):
            quotas.append(int(quota) / int(period))
    return (min(quotas), None) if quotas else (None, "no control group limits the processor time")


def cgroup_free_bytes(root: Path = ROOT) -> int | None:
    """Compute the bytes this process's control groups still allow; None without a limit.

    File cache that the kernel can drop counts as free.
    """
    free = []
    for directory in cgroup_directories("memory", root):
        for limit_file, usage_file, cache in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            limit = (_text(directory / limit_file) or "").strip()
            if not limit.isdigit() or int(limit) >= 1 << 60:  # version 1 writes "none" as 2^63
                continue
            usage = (_text(directory / usage_file) or "0").strip()
            free.append(
                int(limit)
                - (int(usage) if usage.isdigit() else 0)
                + _row(directory / "memory.stat", cache)
            )
    return max(0, min(free)) if free else None


def _row(path: Path, name: str) -> int:
    for line in (_text(path) or "").splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.strip().isdigit():
            return int(value)
    return 0


def available_bytes(root: Path = ROOT) -> int | None:
    """Read the bytes new processes can use before the machine swaps; None where unknown."""
    for line in (_text(root / "proc/meminfo") or "").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def address_space_bytes() -> int | None:
    """Read the limit of a process's address space (``ulimit -v``); None without one."""
    if sys.platform == "win32":
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def processor_time_s() -> float | None:
    """Read the limit of a process's processor time (``ulimit -t``); None without one."""
    if sys.platform == "win32":
        return None
    limit = resource.getrlimit(resource.RLIMIT_CPU)[0]
    return None if limit == resource.RLIM_INFINITY else float(limit)


def is_stopped(pid: int, root: Path = ROOT) -> bool:
    """Tell whether somebody stopped a process (SIGSTOP); False where the system does not say."""
    _, _, rest = (_text(root / f"proc/{pid}/stat") or "").rpartition(")")
    return rest.split()[:1] == ["T"]


def peak_rss_bytes(pid: int | str = "self", root: Path = ROOT) -> int | None:
    """Read the peak resident memory of a process; None where the system does not say."""
    for line in (_text(root / f"proc/{pid}/status") or "").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def return_freed_memory() -> bool:
    """Give the memory that this process has freed back to the system; False where nothing can.

    The GNU C library keeps it for later, in an arena for each thread. What JAX compiles a training
    step of RS-50 with is two thirds of the memory resident afterwards (680 MB of 1.04 GB).
    """
    import ctypes  # no part of what every command loads

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    return trim is not None and bool(trim(0))


def processors_allowed() -> tuple[int, ...] | None:
    """List the processors this process may run on; None where the system does not say."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return None


def processors() -> tuple[int, ...]:
    """List the processors this process may run on; all of them where the system does not say."""
    allowed = processors_allowed()
    return tuple(range(os.cpu_count() or 1)) if allowed is None else allowed


def busy_s(processors: Collection[int] | None, root: Path = ROOT) -> float | None:
    """Add up the seconds processors were busy since the system's start, in ticks of 10 ms.

    Time that a hypervisor gave to others (steal) counts: it was not there to be used. None where
    the system does not tell.
    """
    ticks = 0
    is_known = False
    for line in (_text(root / "proc/stat") or "").splitlines():
        name, *values = line.split()
        number = name.removeprefix("cpu")
        if name == number or not number.isdigit():
            continue  # the first line is of all processors together
        if processors is None or int(number) in processors:
            user, nice, system, _, _, irq, softirq, steal = map(int, values[:8])
            ticks += user + nice + system + irq + softirq + steal
            is_known = True
    return ticks / CLOCK_TICKS_PER_S if is_known else None


def clock_share(root: Path = ROOT) -> float | None:
    """Divide the first processor's clock by its highest; None where unknown."""
    folder = root / "sys/devices/system/cpu/cpu0/cpufreq"
    now, highest = _text(folder / "scaling_cur_freq"), _text(folder / "cpuinfo_max_freq")
    if now is None or highest is None or not (now.strip().isdigit() and highest.strip().isdigit()):
        return None
    return int(now) / int(highest)


def usage(
    processors: Collection[int] | None,
    root: Path = ROOT,
    energy_j: Callable[[], float] | None = None,
) -> Usage:
    """Take a reading for the gate; of energy too, where there is a counter of it."""
    return Usage(
        time.perf_counter(),
        busy_s(processors, root),
        time.process_time(),
        clock_share(root),
        None if energy_j is None else energy_j(),
    )


def probe(energy_j: Callable[[], float] | None = None) -> tuple[Probe, int]:
    """Make the probe of the processors this process may run on, and count them.

    Args:
        energy_j: Reads a counter of energy.
    """
    allowed = processors_allowed()
    return lambda: usage(allowed, energy_j=energy_j), len(processors())


def limit_memory(further_bytes: int, root: Path = ROOT) -> bool:
    """Limit what this process may allocate from now on; False where the system cannot.

    What is limited is private writable memory, touched or not, which grows a little ahead of what
    is resident. The limit is to end a worker before the machine swaps, not to be exact.
    """
    if sys.platform != "linux":
        return False
    for line in (_text(root / "proc/self/status") or "").splitlines():
        if line.startswith("VmData:"):
            highest = resource.getrlimit(resource.RLIMIT_DATA)[1]
            wanted = int(line.split()[1]) * 1024 + further_bytes
            if highest != resource.RLIM_INFINITY:
                wanted = min(wanted, highest)
            resource.setrlimit(resource.RLIMIT_DATA, (wanted, highest))
            return True
    return False
