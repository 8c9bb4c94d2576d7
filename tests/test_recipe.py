"""Training recipes of the published variants."""

from __future__ import annotations

import json

import pytest
import yaml

from rsinspect import paper
from rsinspect.answers.recipe import recipe_answer
from tests.conftest import Cli


@pytest.mark.parametrize("recipe", paper.recipes(), ids=lambda r: f"{r.depth}@{r.resolution}")
def test_every_published_variant_has_its_recipe(recipe: paper.Recipe) -> None:
    found = recipe_answer(recipe.depth, recipe.resolution).document
    assert (found["depth"], found["resolution"]) == (recipe.depth, recipe.resolution)
    assert set(found["recipes"]) == {"tpu", "tf_models", "keras", "timm"}
    assert found["recipes"]["tpu"]["epochs"] == 350
    assert all(rule["source"] for rule in found["recipes"].values())


def test_drop_path_of_the_stages_follows_the_rule_of_each_code_base() -> None:
    rules = recipe_answer(200).document["recipes"]
    for name in ("tpu", "tf_models", "keras"):
        rates = rules[name]["drop_path_rates"]
        assert [r["first"] for r in rates.values()] == pytest.approx([0.04, 0.06, 0.08, 0.1])
        assert all(r["first"] == r["last"] for r in rates.values())
    timm = rules["timm"]["drop_path_rates"]
    assert timm["c2"]["first"] == 0
    assert timm["c5"]["last"] == pytest.approx(0.1)
    assert timm["c3"]["first"] == pytest.approx(0.1 * 3 / 65)  # the fourth of 66 blocks


def test_what_a_code_base_does_not_state_is_unknown_there() -> None:
    rules = recipe_answer(50).document["recipes"]
    assert rules["keras"]["weight_decay"] is None
    assert rules["tf_models"]["activation"] == "swish"


def test_a_disagreement_is_told(cli: Cli) -> None:
    assert "0.4" in cli("recipe", "350@256", "--notes", "full").out
    assert "magnitude of RS-101@160" in cli("recipe", "101@160", "--notes", "full").out
    assert "magnitude of RS-101@160" not in cli("recipe", "101@192", "--notes", "full").out


def test_a_factor_is_written_with_a_multiplication_sign(cli: Cli) -> None:
    assert "stepwise, × 0.1 at 30" in cli("recipe", "350").out


def test_json_and_yaml_say_the_same(cli: Cli) -> None:
    one = json.loads(cli("recipe", "resnet-rs-152-i224", "-f", "json").out)
    assert yaml.safe_load(cli("recipe", "152@224", "-f", "yaml").out) == one
    assert one["schema"] == "rsinspect.recipe/1"


@pytest.mark.parametrize(
    ("model", "hint"),
    [
        ("50@224", "50@160"),
        ("300", "50@160"),
        ("152@224x192", "square"),
        ("nonsense", "write a depth"),
    ],
)
def test_a_variant_without_recipe_gets_one_line(model: str, hint: str, cli: Cli) -> None:
    outcome = cli("recipe", model)
    assert outcome.code == 2
    assert hint in outcome.err
    assert len(outcome.err.splitlines()) == 2
