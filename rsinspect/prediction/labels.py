"""What classes are called: a file of names, or Keras's list of ImageNet's, where it is here."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from rsinspect.base.codec import Damaged, from_text
from rsinspect.base.errors import InvalidPrediction
from rsinspect.base.sources import Unreadable, content_of
from rsinspect.base.text import showable
from rsinspect.base.words import Option, Wording, advice, plural, quoted
from rsinspect.networks.keras_cache import keras_home

INDEX = "imagenet_class_index.json"
INDEX_MD5 = "c2c37ea517e94d9795004a39431a14cb"
"""Of Keras's list of ImageNet's classes (Keras 3.15, applications/imagenet_utils.py)."""

_MOST_BYTES = 2**24
_BACKGROUND = 1001
"""Classes of a network of the TF Model Garden, of which the first is none of ImageNet's."""


_GIVE = advice("{} takes a file with names of classes.", Option("labels"))


class Labels(NamedTuple):
    """What classes are called.

    Attributes:
        names: One for each; None where they are not known.
        notes: Where they come from, or what to do to have them.
        wordnet: WordNet's identifier of each, where it is known.
    """

    names: tuple[str, ...] | None
    notes: tuple[str | Wording, ...]
    wordnet: tuple[str, ...] | None = None


def labels_for(classes: int, file: Path | None = None) -> Labels:
    """Find what classes are called.

    Args:
        classes: How many there are.
        file: With a name a line; or of JSON, a list of names or an object from indices to them, as
            Keras's own. Without one, Keras's list, for a network of 1000 or 1001 classes.

    Raises:
        InvalidPrediction: If the file cannot be read, or has another number of names.
    """
    if file is not None:
        return _in_file(file, classes)
    if classes not in (1000, _BACKGROUND):
        return Labels(None, (_GIVE,))
    place = keras_home() / "models" / INDEX
    try:
        content = content_of(place, _MOST_BYTES)
    except Unreadable:
        at = f"Keras's list would be at {showable(str(place))}; its decode_predictions fetches it."
        return Labels(None, ("No class names: Keras's list is not here.", at, _GIVE))
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != INDEX_MD5:
        return Labels(None, (f"No class names: {showable(str(place))} is not Keras's list.", _GIVE))
    listed = _from_json(from_text(content))
    assert listed is not None
    pairs = [("", "background"), *listed] if classes == _BACKGROUND else listed
    return Labels(
        tuple(name.replace("_", " ") for _, name in pairs),
        ("Class names: ImageNet's, of Keras's list.",),
        tuple(identifier for identifier, _ in pairs),
    )


def _in_file(file: Path, classes: int) -> Labels:
    """Read names from a file of somebody's own."""
    try:
        content = content_of(file, _MOST_BYTES)
        text = content.decode()
    except (Unreadable, UnicodeDecodeError) as exc:
        raise InvalidPrediction(
            f"{quoted(str(file))} cannot be read: {exc}",
            (isinstance(exc, Unreadable) and exc.hint) or "give a text file, a name a line",
        ) from exc
    pairs: list[tuple[str, str]] | None
    try:
        pairs = _from_json(from_text(content))
    except Damaged:
        pairs = [("", line.strip()) for line in text.splitlines() if line.strip()]
    if pairs is None:
        raise InvalidPrediction(
            f"{quoted(str(file))} is JSON, but no list of names",
            'write ["cat", "dog"], or {"0": "cat", "1": "dog"}',
        )
    if len(pairs) != classes:
        raise InvalidPrediction(
            f"{quoted(str(file))} has {plural(len(pairs), 'name')}, the network "
            f"{plural(classes, 'class')}",
            "give a name for each class, in their order",
        )
    wordnet = tuple(identifier for identifier, _ in pairs)
    return Labels(
        tuple(name for _, name in pairs),
        (f"Class names: those in {showable(file.name)}.",),
        wordnet if any(wordnet) else None,
    )


def _from_json(document: Any) -> list[tuple[str, str]] | None:
    """Read identifiers and names in the order of their classes; None where there are none."""
    if isinstance(document, dict):
        if set(document) != {str(index) for index in range(len(document))}:
            return None
        document = [document[str(index)] for index in range(len(document))]
    if not isinstance(document, list):
        return None
    pairs = []
    for entry in document:
        pair = ("", entry) if isinstance(entry, str) else entry
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            return None
        if not all(isinstance(part, str) for part in pair):
            return None
        pairs.append((pair[0], pair[1]))
    return pairs
