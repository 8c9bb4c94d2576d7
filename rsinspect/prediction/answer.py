"""Predictions as a table and as a document."""

from __future__ import annotations

from typing import Any

from rsinspect.answers.table import Answer, Column, Note, Table, Value
from rsinspect.base.units import dimensions, percent
from rsinspect.base.words import Option, advice
from rsinspect.images.preprocessing import PADDING, SCALINGS, default_crop_ratio
from rsinspect.prediction.predictions import Predictions, Seen

SCHEMA = "rsinspect.predict/1"
"""Version of the JSON document. 1: first."""

_HEADS = {"probability": "Probability", "logit": "Probability", "score": "Score"}
_MEANINGS = {
    "probability": "Probabilities of all classes add up to 100 %.",
    "logit": "The network ends in logits; a softmax makes them probabilities.",
    "score": "Scores are what the network gives, each class by itself.",
}


_USUAL = ", the TPU code's"


def predict_answer(said: Predictions) -> Answer:
    """Tabulate the likeliest classes of each photograph."""
    several = len(said.seen) > 1
    title = f"What {said.network.title} sees"
    if not several:
        title += f" in {said.seen[0].photograph.name}"
    named = said.labels.names is not None
    share = Column("share", _HEADS[said.reading.meaning], "share")
    score = Column("share", _HEADS[said.reading.meaning], "number", decimals=4)
    columns = (
        *((Column("image", "Image", wraps=True),) if several else ()),
        Column("rank", "Rank", "integer"),
        *((Column("name", "Class", wraps=True),) if named else ()),
        Column("index", "Index", "integer"),
        score if said.reading.meaning == "score" else share,
    )
    table = Table(
        title=title,
        columns=columns,
        rows=tuple(row for seen in said.seen for row in _rows(seen)),
        notes=_notes(said),
        name="predictions",
    )
    return Answer(table, lambda: _document(said))


def _rows(seen: Seen) -> list[dict[str, Value]]:
    return [
        {
            "image": seen.photograph.name if rank == 1 else "",
            "rank": rank,
            "name": guess.called,
            "index": guess.index,
            "share": guess.share,
        }
        for rank, guess in enumerate(seen.guesses, 1)
    ]


def _notes(said: Predictions) -> tuple[Note, ...]:
    chosen = said.preprocessing
    usual = chosen.crop_ratio == default_crop_ratio(chosen.resolution)
    names, *more = said.labels.notes
    return (
        f"Crop ratio {chosen.crop_ratio:.3f}{_USUAL if usual else ''}; "
        f"resized to {dimensions(chosen.resolution)}, {chosen.interpolation}.",
        names,
        f"With weights {said.weights}.",
        advice(
            "The network is given {} ({}).",
            SCALINGS[said.reading.scaling],
            str(said.reading.because),
        ),
        advice(
            "The TPU code evaluates with a crop ratio of size / (size + {}), timm with 0.91 (50), "
            "0.94 (101) or 1 of its own: {} chooses.",
            str(PADDING),
            Option("crop_ratio"),
        ),
        *more,
        _MEANINGS[said.reading.meaning],
        *said.notes,
        *said.network.hazards,
    )


def headline(seen: Seen) -> str:
    """Say what is most likely in a photograph.

    >>> from rsinspect.prediction.predictions import Guess
    >>> headline(Seen(None, (Guess(652, 0.8321, "military uniform", None),)))
    'military uniform, 83.2 %'
    """
    best = seen.guesses[0]
    return f"{best.called}, {percent(best.share)}"


def _document(said: Predictions) -> dict[str, Any]:
    chosen = said.preprocessing
    return {
        "schema": SCHEMA,
        "model": said.network.document(),
        "weights": said.weights,
        "backend": said.backend,
        "preprocessing": chosen.document(),
        "classes": said.reading.classes,
        "meaning": "probability" if said.reading.meaning == "logit" else said.reading.meaning,
        "from_logits": said.reading.meaning == "logit",
        "images": [
            {
                "image": seen.photograph.name,
                "height": seen.photograph.height,
                "width": seen.photograph.width,
                "crop_box": list(chosen.box(seen.photograph.height, seen.photograph.width)),
                "predictions": [
                    {
                        "rank": rank,
                        "index": guess.index,
                        "name": guess.name,
                        "wordnet_id": guess.wordnet,
                        "share": guess.share,
                    }
                    for rank, guess in enumerate(seen.guesses, 1)
                ],
            }
            for seen in said.seen
        ],
    }
