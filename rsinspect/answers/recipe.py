"""How a published variant was trained: Table 8 and the released configurations, by code base."""

from __future__ import annotations

from typing import Any

from rsinspect import paper
from rsinspect.answers.table import Answer, Column, Table, Value
from rsinspect.base.errors import UnknownVariant
from rsinspect.base.units import dimensions
from rsinspect.networks import applications
from rsinspect.networks.grammar import parse_model
from rsinspect.networks.spec import ResNetRSSpec

CODE_BASES = {
    "tpu": ("tensorflow/tpu", "keras"),
    "tf_models": ("TF Models", "tf-models"),
    "keras": ("Keras", "keras"),
    "timm": ("timm", "timm"),
}
"""Name of each code base and the dialect that has its rule of drop-path rates."""

_SETTINGS = {
    "epochs": "epochs",
    "train_steps": "train steps",
    "batch_size": "batch size",
    "optimizer": "optimizer",
    "peak_learning_rate": "peak learning rate",
    "learning_rate_schedule": "learning-rate schedule",
    "weight_decay": "weight decay",
    "label_smoothing": "label smoothing",
    "randaugment_layers": "RandAugment layers",
    "randaugment_magnitude": "RandAugment magnitude",
    "ema_decay": "EMA decay of weights",
    "dropout_rate": "dropout rate",
    "drop_path_rate": "drop-path rate",
    "bn_momentum": "batch-norm momentum",
    "activation": "activation",
    "classes": "classes",
    "precision": "precision",
}


def published(depth: int, resolution: int | None = None) -> paper.Recipe:
    """Find the recipe of a published variant.

    Args:
        depth: A published depth.
        resolution: Side of the image; the largest published one by default.

    Raises:
        UnknownVariant: If no recipe of that variant was published.
    """
    recipes = [r for r in paper.recipes() if r.depth == depth]
    recipe = next((r for r in recipes[::-1] if resolution in (None, r.resolution)), None)
    if recipe is not None:
        return recipe
    name = f"ResNet-RS-{depth}" + ("" if resolution is None else f" at {resolution}")
    known = recipes or paper.recipes()
    raise UnknownVariant(
        f"no recipe of {name} was published",
        f"there are {', '.join(f'{r.depth}@{r.resolution}' for r in known)}",
    )


def published_named(model: str) -> paper.Recipe:
    """Find the recipe of a variant by its name.

    Args:
        model: ``270``, ``152@224``, ``ResNetRS101``; a dialect must be that of a code base.

    Raises:
        UnknownVariant: If no recipe of it was published.
        SpecError: If the text names no network.
    """
    if applications.named_in(model):
        raise UnknownVariant(
            f"no recipe of {model} is known here", "those of ResNet-RS are: 270, 152@224"
        )
    named = parse_model(model)
    size = named.resolution
    covered = (None, *(dialect for _, dialect in CODE_BASES.values()))
    if named.dialect not in covered or named.se is not None:
        raise UnknownVariant(
            f"no recipe of {model} was published", "name the model alone: 270, 152@224"
        )
    if size is not None and size[0] != size[1]:
        raise UnknownVariant(
            f"no recipe of {model} was published", "the published models are square: 152@224"
        )
    return published(named.depth, None if size is None else size[0])


def recipe_answer(depth: int, resolution: int | None = None) -> Answer:
    """Show the training recipe of a published variant, each code base in a column.

    Drop-path rates of the stages are worked out by the rule of each code base. timm's default rate
    is 0, so its column shows what its rule makes of the released rate.

    Args:
        depth: A published depth.
        resolution: Side of the image; the largest published one by default.

    Raises:
        UnknownVariant: If no recipe of that variant was published.
    """
    recipe = published(depth, resolution)
    rates = {name: _stage_rates(recipe, name) for name in CODE_BASES}
    stages = tuple(rates["tpu"])
    rows: list[dict[str, Value]] = []
    for key, label in _SETTINGS.items():
        values = {name: _text(recipe.settings[name].get(key)) for name in CODE_BASES}
        rows.append({"setting": label, **values})
    after = 1 + list(_SETTINGS).index("drop_path_rate")
    rows[after:after] = [
        {
            "setting": f"drop path of {stage}",
            **{name: _rate_text(rates[name][stage]) for name in CODE_BASES},
        }
        for stage in stages
    ]
    footnotes = [paper.footnotes()[key] for key in (*recipe.notes, "schedule", "table8_unseen")]
    notes = (
        "–: not stated in what was read of that code base.",
        *(f"{note.text} Source: {'; '.join(note.source)}." for note in footnotes),
        "Drop path: tensorflow/tpu, TF Models and Keras give a stage rate × (i + 2) / 5 for its "
        "blocks, i = 0..3; timm grows it over all blocks from 0 to the rate (first to last of the "
        "stage; timm's default rate is 0, here it has the released one).",
        *(f"{CODE_BASES[name][0]}: {paper.recipe_sources()[name]}." for name in CODE_BASES),
    )
    return Answer(
        Table(
            title=f"Training recipe of ResNet-RS-{recipe.depth} @ "
            f"{dimensions((recipe.resolution, recipe.resolution))}",
            columns=(
                Column("setting", "Setting", wraps=True),
                *(Column(name, label, wraps=True) for name, (label, _) in CODE_BASES.items()),
            ),
            rows=tuple(rows),
            notes=notes,
            name=f"recipe-resnet-rs-{recipe.depth}-{recipe.resolution}",
        ),
        lambda: _document(recipe, rates),
    )


def _stage_rates(recipe: paper.Recipe, code_base: str) -> dict[str, tuple[float, ...]]:
    """List the distinct drop-path rates of each stage, first to last."""
    rate = recipe.settings["tpu" if code_base == "timm" else code_base]["drop_path_rate"]
    spec = ResNetRSSpec.variant(recipe.depth, dialect=CODE_BASES[code_base][1], drop_path_rate=rate)
    return {
        stage: tuple(sorted({rates[0], rates[-1]}))
        for stage, rates in zip(spec.stages, spec.block_drop_path_rates(), strict=True)
    }


def _rate_text(rates: tuple[float, ...]) -> str:
    return " to ".join(f"{rate:.3g}" for rate in rates)


def _text(value: Any) -> Value:
    return value if value is None or isinstance(value, int | float) else str(value)


def _document(
    recipe: paper.Recipe, rates: dict[str, dict[str, tuple[float, ...]]]
) -> dict[str, Any]:
    return {
        "schema": "rsinspect.recipe/1",
        "model": f"resnet-rs-{recipe.depth}",
        "depth": recipe.depth,
        "resolution": recipe.resolution,
        "recipes": {
            name: {
                **{key: recipe.settings[name].get(key) for key in _SETTINGS},
                "drop_path_rates": {
                    stage: {"first": found[0], "last": found[-1]}
                    for stage, found in rates[name].items()
                },
                "source": paper.recipe_sources()[name],
            }
            for name in CODE_BASES
        },
        "notes": [
            {"text": paper.footnotes()[key].text, "source": list(paper.footnotes()[key].source)}
            for key in (*recipe.notes, "schedule", "table8_unseen")
        ],
    }
