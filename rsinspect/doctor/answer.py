"""The checkup as a table for people and a document for programs.

JSON schema ``rsinspect.doctor/1``: ``works`` is whether an SVG could be drawn by default; what is
not known or not here is null.
"""

from __future__ import annotations

from typing import Any

from rsinspect.answers.table import Answer, Column, Table, Value
from rsinspect.base.text import printable
from rsinspect.base.words import plural
from rsinspect.doctor.checkup import INSTALL_RENDERER, Checkup, Extra, Framework, Renderer
from rsinspect.drawing.choices import FONTS
from rsinspect.profiling.choices import BACKENDS

SCHEMA = "rsinspect.doctor/1"
READ_BY = {
    "KERAS_BACKEND": "what Keras models run on",
    "RSINSPECT_WEIGHTS_URL": "where the ImageNet weights are fetched",
    "RSINSPECT_CACHE": "where networks that Keras builds are kept",
    "NO_COLOR": "tables without colour",
    "CUDA_VISIBLE_DEVICES": "GPUs the backends see",
}


def doctor_answer(checkup: Checkup) -> Answer:
    """Show the checkup, row by row."""
    rows = (
        _row("rsinspect", "ok", checkup.rsinspect),
        _row("python", "ok", checkup.python),
        _row("platform", "ok", checkup.platform),
        _cpu(checkup),
        *(_renderer(renderer, drawn_without=checkup.works) for renderer in checkup.renderers),
        _fonts(checkup),
        _keras(checkup),
        *(_backend(backend) for backend in checkup.backends),
        *(_extra(extra) for extra in checkup.extras if extra.name not in BACKENDS),
        *(
            _row(
                name,
                "unset" if value is None else "set",
                printable(value or "", kept=""),
                READ_BY[name],
            )
            for name, value in checkup.variables
        ),
    )
    return Answer(
        Table(
            title="rsinspect on this machine",
            columns=(
                Column("item", "Item"),
                Column("status", "Status"),
                Column("found", "Found", wraps=True),
                Column("remark", "Remark", wraps=True),
            ),
            rows=rows,
            lead=(_verdict(checkup),),
            notes=_places(checkup),
            name="doctor",
        ),
        lambda: _document(checkup),
    )


def _row(item: str, status: str, content: str = "", remark: str = "") -> dict[str, Value]:
    return {"item": item, "status": status, "found": content, "remark": remark}


def _cpu(checkup: Checkup) -> dict[str, Value]:
    visible, affinity, quota = checkup.cores
    allowed = [f"{affinity} allowed"] if affinity is not None else []
    allowed += [f"a quota of {quota:g}"] if quota is not None else []
    cores = plural(visible, "core") if visible else "unknown number of cores"
    return _row("cpu", "ok", checkup.cpu or "unknown", ", ".join((cores, *allowed)))


def _renderer(renderer: Renderer, *, drawn_without: bool) -> dict[str, Value]:
    item = f"renderer {renderer.kind}"
    if renderer.path is None:
        needed = "optional: " if drawn_without else ""
        return _row(item, "missing", remark=needed + INSTALL_RENDERER[renderer.kind])
    program = (
        f"Graphviz {renderer.version or 'that does not start'}, {renderer.package or renderer.path}"
    )
    if renderer.problem is not None:
        drawn = f"draws {', '.join(renderer.draws)}; then: " if renderer.draws else ""
        return _row(item, "failed", program, drawn + printable(renderer.problem, kept=""))
    remark = f"{renderer.why}; draws {', '.join(renderer.draws)}"
    return _row(item, "used" if renderer.used else "ok", program, remark)


def _fonts(checkup: Checkup) -> dict[str, Value]:
    if checkup.fonts is None:
        return _row("fonts", "missing", remark="pip install matplotlib")
    return _row("fonts", "ok", ", ".join(FONTS), "those of matplotlib, and no others")


def _keras(checkup: Checkup) -> dict[str, Value]:
    if not checkup.keras.installed:
        return _row("keras", "missing", remark=checkup.keras.install)
    name, by = checkup.keras_backend
    on = printable(f"on {name}, by {by}", kept="")
    version = checkup.keras.version or "unknown version"
    if name not in BACKENDS:
        return _row("keras", "failed", version, f"{on}; it can be {', '.join(BACKENDS)}")
    if not any(backend.name == name and backend.installed for backend in checkup.backends):
        return _row("keras", "failed", version, f"{on}; it is not installed")
    return _row("keras", "ok", version, on)


def _backend(backend: Framework) -> dict[str, Value]:
    if not backend.installed:
        return _row(backend.name, "missing", remark=backend.install)
    version = backend.version or "unknown version"
    if backend.problem is not None:
        return _row(backend.name, "failed", version, printable(backend.problem, kept=""))
    devices = "" if backend.devices is None else ", ".join(backend.devices) or "no device"
    return _row(backend.name, "ok", version, printable(devices, kept=""))


def _extra(extra: Extra) -> dict[str, Value]:
    if not extra.missing:
        return _row(f"extra {extra.name}", "ok")
    first, *others = extra.missing
    more = f" and {len(others)} more" if others else ""
    return _row(f"extra {extra.name}", "missing", f"without {first}{more}", extra.install)


def _places(checkup: Checkup) -> tuple[str, ...]:
    return (
        ()
        if checkup.fonts is None
        else (f"Fonts are in {printable(str(checkup.fonts), kept='')}.",)
    )


def _verdict(checkup: Checkup) -> str:
    if checkup.works:
        return "Networks can be described and drawn here."
    for renderer in checkup.renderers:
        if renderer.used:
            return f"No picture can be drawn: {printable(renderer.problem or '', kept='')}."
    return f"No picture can be drawn: {' or '.join(INSTALL_RENDERER.values())}."


def _document(checkup: Checkup) -> dict[str, Any]:
    visible, affinity, quota = checkup.cores
    backend, by = checkup.keras_backend
    return {
        "schema": SCHEMA,
        "works": checkup.works,
        "rsinspect": checkup.rsinspect,
        "python": checkup.python,
        "platform": checkup.platform,
        "cpu": {
            "model": checkup.cpu,
            "cores": visible,
            "cores_allowed": affinity,
            "cores_quota": quota,
        },
        "renderers": [
            {
                "kind": renderer.kind,
                "used": renderer.used,
                "why": renderer.why,
                "path": None if renderer.path is None else str(renderer.path),
                "package": renderer.package,
                "graphviz": renderer.version,
                "draws": list(renderer.draws),
                "problem": renderer.problem,
            }
            for renderer in checkup.renderers
        ],
        "fonts": {
            "families": list(FONTS),
            "directory": None if checkup.fonts is None else str(checkup.fonts),
        },
        "keras": {"version": checkup.keras.version, "backend": backend, "backend_by": by},
        "backends": [
            {
                "name": framework.name,
                "installed": framework.installed,
                "version": framework.version,
                "devices": None if framework.devices is None else list(framework.devices),
                "problem": framework.problem,
            }
            for framework in checkup.backends
        ],
        "extras": [
            {"name": extra.name, "missing": list(extra.missing), "install": extra.install}
            for extra in checkup.extras
        ],
        "environment": dict(checkup.variables),
    }
