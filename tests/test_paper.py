"""The paper's facts as data: whole, with sources, and nothing filled in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from rsinspect import paper
from rsinspect.networks import named

FOLDER = Path(paper.__file__).parent
TEXT = {"type": "string", "minLength": 1}
NUMBER = {"type": ["number", "null"]}
SOURCES = {"type": "object", "minProperties": 1, "additionalProperties": TEXT}
KEYS = {"type": "array", "items": TEXT, "minItems": 1}


def closed(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(required),
        "properties": required | (optional or {}),
        "additionalProperties": False,
    }


COLUMN = closed(
    {
        "key": TEXT,
        "head": TEXT,
        "kind": {"enum": ["text", "integer", "number", "tenths"]},
        "printed": {"type": "boolean"},
    },
    {"wraps": {"type": "boolean"}, "decimals": {"type": "integer", "minimum": 0}},
)
NETWORK = closed(
    {"depth": {"type": "integer"}, "resolution": {"type": "integer"}},
    {"dialect": TEXT, "se_ratio": {"type": "number"}},
)
TABLE_ROW = {
    "type": "object",
    "required": ["model", "network", "notes"],
    "properties": {
        "model": TEXT,
        "network": {"oneOf": [NETWORK, {"type": "null"}]},
        "notes": {"type": "array", "items": TEXT},
    },
    "additionalProperties": {"type": ["number", "string", "null"]},
}
SCHEMAS = {
    "tables.json": closed(
        {
            "schema": {"const": "rsinspect.paper-tables/1"},
            "what": TEXT,
            "sources": SOURCES,
            "notes": {
                "type": "object",
                "additionalProperties": closed({"text": TEXT, "source": KEYS}),
            },
            "tables": {
                "type": "object",
                "additionalProperties": closed(
                    {
                        "title": TEXT,
                        "confidence": {"enum": ["exact", "derived", "unknown"]},
                        "source": KEYS,
                        "columns": {"type": "array", "items": COLUMN},
                        "rows": {
                            "oneOf": [{"type": "array", "items": TABLE_ROW}, {"type": "null"}]
                        },
                    },
                    {"where": TEXT},
                ),
            },
        }
    ),
    "accuracy.json": closed(
        {
            "schema": {"const": "rsinspect.accuracy/1"},
            "what": TEXT,
            "sources": closed(
                dict.fromkeys(
                    paper.ACCURACY_SOURCES, closed({"title": TEXT, "source": KEYS, "note": TEXT})
                )
            ),
            "rows": {
                "type": "object",
                "additionalProperties": {
                    "type": "array",
                    "items": closed(
                        {
                            "model": TEXT,
                            "top1": {"type": "number", "minimum": 70, "maximum": 90},
                            "weights": TEXT,
                        }
                    ),
                },
            },
        }
    ),
    "figures.json": closed(
        {
            "schema": {"const": "rsinspect.paper-figures/1"},
            "what": TEXT,
            "sources": SOURCES,
            "figure2": {"type": "object", "required": ["points", "where", "source"]},
            "figure3": {
                "type": "object",
                "required": ["points", "method", "missing", "source"],
                "properties": {
                    "points": {
                        "type": "array",
                        "items": closed(
                            {
                                "epochs": {"enum": [10, 100, 350]},
                                "resolution": {"enum": [128, 160, 224, 320]},
                                "scaling": {"enum": ["depth", "width"]},
                                "depth": {"type": "integer"},
                                "width": {"type": "number"},
                                "time_per_step_s": {
                                    "type": ["number", "null"],
                                    "exclusiveMinimum": 0,
                                },
                                "top1_minival": {
                                    "type": ["number", "null"],
                                    "minimum": 50,
                                    "maximum": 100,
                                },
                            }
                        ),
                    }
                },
            },
        }
    ),
    "recipes.json": closed(
        {
            "schema": {"const": "rsinspect.paper-recipes/1"},
            "what": TEXT,
            "sources": SOURCES,
            "paper": {"type": "object"},
            "recipes": {
                "type": "array",
                "minItems": 11,
                "maxItems": 11,
                "items": closed(
                    {
                        "depth": {"type": "integer"},
                        "resolution": {"type": "integer"},
                        "notes": {"type": "array", "items": TEXT},
                        **{
                            name: {
                                "type": "object",
                                "additionalProperties": {"type": ["number", "string"]},
                            }
                            for name in ("tpu", "tf_models", "keras", "timm")
                        },
                    }
                ),
            },
        }
    ),
    "variants.json": closed(
        {
            "schema": {"const": "rsinspect.variants-data/1"},
            "what": TEXT,
            "sources": SOURCES,
            "depths": {
                "type": "array",
                "items": closed(
                    {
                        "depth": {"type": "integer"},
                        "blocks": {"type": "array", "items": {"type": "integer"}},
                        "drop_path_rate": NUMBER,
                        "dropout_rate": NUMBER,
                        "resolutions": {"type": "array", "items": {"type": "integer"}},
                    },
                    {"note": TEXT},
                ),
            },
        }
    ),
}


def document(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_data_file_is_of_its_schema(name: str) -> None:
    jsonschema.Draft202012Validator(SCHEMAS[name]).validate(document(name))


def test_every_table_of_the_paper_is_there_once() -> None:
    tables = set(map(int, document("tables.json")["tables"]))
    assert tables | {8, 11} == set(paper.PRINTED_TABLES)
    assert not tables & {8, 11}


def test_every_source_that_is_named_is_explained_and_every_explained_one_named() -> None:
    found = document("tables.json")
    named = {key for table in found["tables"].values() for key in table["source"]}
    named |= {key for note in found["notes"].values() for key in note["source"]}
    assert named <= set(found["sources"])
    figures = document("figures.json")
    named = {key for name in ("figure2", "figure3") for key in figures[name]["source"]}
    assert named <= set(figures["sources"])


def test_every_footnote_that_is_named_is_there() -> None:
    for number in set(paper.PRINTED_TABLES) - {8, 11}:
        for row in paper.printed_table(number).rows:
            assert set(row["notes"]) <= set(paper.footnotes())
    for recipe in paper.recipes():
        assert set(recipe.notes) <= set(paper.footnotes())


def test_what_is_unknown_says_where_it_would_be_found() -> None:
    for number in set(paper.PRINTED_TABLES) - {8, 11}:
        table = paper.printed_table(number)
        assert (not table.rows) == (table.where is not None)
        for row in table.rows:
            columns = {c.key for c in table.columns if c.key in row and row[c.key] is None}
            # a first step has no difference, an EfficientNet no ResNet-RS checkpoint
            if columns - {"delta", "checkpoint_top1"}:
                assert any("not available" in _note(key) for key in row["notes"])


def _note(key: str) -> str:
    return paper.footnotes()[key].text.replace("was not available", "not available")


def test_no_value_of_table_12_was_made_up() -> None:
    assert {row["dropout_rate"] for row in paper.printed_table(12).rows} == {None}


def test_rows_have_a_cell_for_every_column() -> None:
    for number in set(paper.PRINTED_TABLES) - {8, 11}:
        table = paper.printed_table(number)
        for row in table.rows:
            assert {column.key for column in table.columns} <= set(row)


def test_figure_3_has_its_whole_grid_with_the_common_start_on_both_curves() -> None:
    points = paper.study_points()
    assert len({p[:5] for p in points}) == len(points) == 3 * 4 * (4 + 3)
    start = {p[:2] + p[3:] for p in points if p.depth == 101 and p.width == 1.0}
    assert len(start) == 3 * 4
    missing = {p[1:5] for p in points if p.time_per_step_s is None or p.top1_minival is None}
    assert missing == {(320, "depth", 400, 1.0)}


@pytest.mark.parametrize("source", paper.ACCURACY_SOURCES)
def test_every_accuracy_is_of_a_network_that_can_be_made_and_stands_once(source: str) -> None:
    found = paper.accuracies(source)
    assert len({row.model for row in found}) == len(found)
    for row in found:
        made = named.source(row.model)
        assert made.size is not None
        assert (row.family == "ResNet-RS") == row.model[0].isdigit()
    assert paper.accuracy_source(source).source


def test_the_published_variants_and_efficientnets_b0_to_b7_have_paper_and_checkpoint() -> None:
    eight = {f"EfficientNetB{number}" for number in range(8)}
    published = {f"{row.depth}@{row.resolution}" for row in paper.table7()}
    for source in ("paper", "checkpoints"):
        models = {row.model for row in paper.accuracies(source)}
        assert {model for model in models if model[0].isdigit()} == published
        assert {model.partition("@")[0] for model in models} >= eight


def test_a_printed_speed_up_follows_from_the_printed_latencies() -> None:
    rows = {paper.model_text(row): row for row in paper.printed_table(7).rows}
    pairs = paper.speed_ups()
    assert (min(pair.tpu for pair in pairs), max(pair.tpu for pair in pairs)) == (1.7, 2.7)
    for pair in pairs:
        ours, theirs = rows[pair.model], rows[pair.rival]
        tpu = theirs["tpuv3_latency_ms"] / ours["tpuv3_latency_ms"]
        assert tpu == pytest.approx(pair.tpu, abs=0.0501)
        v100 = theirs["v100_latency_s"] / ours["v100_latency_s"]
        assert v100 == pytest.approx(pair.v100, abs=0.0501)
        assert theirs["top1"] == pytest.approx(ours["top1"], abs=0.201)
