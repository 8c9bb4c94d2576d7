"""The published schemas, and documents held to them more strictly than a stranger's program is."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
from referencing import Registry, Resource

FOLDER = Path(__file__).parent.parent / "docs" / "schemas"


@cache
def schemas() -> dict[str, dict[str, Any]]:
    """All schemas by their file: ``summary-1.json``."""
    return {path.name: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}


def file_of(schema: str) -> str:
    """The file of a schema's name: ``rsinspect.summary/1``."""
    return f"{schema.removeprefix('rsinspect.').replace('/', '-')}.json"


def closed(schema: Any) -> Any:
    """The schema, but for its allowing keys that it does not name."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    more = {"additionalProperties": False} if isinstance(schema.get("properties"), dict) else {}
    return more | {key: closed(part) for key, part in schema.items()}


@cache
def _validator(name: str) -> Any:
    files = [(file, Resource.from_contents(closed(each))) for file, each in schemas().items()]
    registry = Registry().with_resources(files)
    return jsonschema.Draft202012Validator({"$ref": name}, registry=registry)


def complaints(document: dict[str, Any]) -> list[str]:
    """What a document has more, less or otherwise than its schema says."""
    plain = json.loads(json.dumps(document))  # without tuples
    found = _validator(file_of(document["schema"])).iter_errors(plain)
    return [f"{error.json_path}: {error.message:.300}" for error in found]
