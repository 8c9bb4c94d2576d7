"""CONTRIBUTING says of the house what the import contract checks."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from rsinspect.cli.app import COMMANDS, GROUPS

ROOT = Path(__file__).parent.parent


def floors() -> dict[str, int]:
    """Floor of each room by the contract, the lowest 1."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    return {
        room.strip(): number
        for number, floor in enumerate(reversed(layers), start=1)
        for room in floor.split("|")
    }


def test_the_table_of_rooms_has_the_floors_of_the_contract() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| `(\w+)/` \|", text, re.MULTILINE)
    assert {room: int(floor) for floor, room in rows} == floors()
    assert [int(floor) for floor, _ in rows] == sorted((int(f) for f, _ in rows), reverse=True)


def test_every_room_is_in_the_contract() -> None:
    rooms = {path.parent.name for path in (ROOT / "rsinspect").glob("*/__init__.py")}
    assert rooms == set(floors())


def test_the_table_of_rooms_names_every_module_that_is_no_command() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for room, row in re.findall(r"^\| \d+ \| `(\w+)/` \|(.*)$", text, re.MULTILINE):
        modules = {path.stem for path in (ROOT / "rsinspect" / room).glob("[!_]*.py")}
        commands = {*COMMANDS, *GROUPS} if room == "cli" else set()
        assert modules - commands - set(re.findall(r"`(\w+)`", row)) == set(), room


def test_files_that_the_text_names_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:rsinspect|tests|benchmarks)/[\w/]+\.py)`", text)
    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []
