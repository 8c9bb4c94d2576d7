"""The shapes of a layer's weights by its name, from the weight file beside its configuration.

Keras 3 numbers the layers of a model by class, in snake case, and not by name: the fourth Conv2D of
a model is ``layers/conv2d_3``, its arrays are ``vars/0``, ``vars/1``, and what it is made of lies
in groups beneath, called as its attributes are: ``layers/bidirectional/forward_layer/cell/vars/0``
(Keras's saving_lib, ``_save_container_state``). So the configuration, which has the layers in
order, tells where each one's are. Files of Keras 2's layout have a group for each layer of the
outermost model, by its name.

States of random generators and of optimizers are in the file too, and are not weights.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from rsinspect.checkpoints.config import Config, Lookup, StoredWeights
from rsinspect.checkpoints.layout import WHOLE_MODEL

_CONSTANT_ARRAYS = {
    "batch_normalization": 2,  # moving mean and variance, after gamma and beta
    "normalization": 3,  # mean, variance and count
    "spectral_normalization": 1,  # vector_u
}
"""How many of the arrays of such a layer, the last ones, are not trainable."""

_CONSTANT_NAMES = ("moving_mean", "moving_variance", "mean", "variance", "count", "vector_u")
"""Of arrays in files of Keras 2's layout."""

_RANDOM_STATE = re.compile(r"_?(seed_)?gen(erator)?s?(_\d+)?")
_RANDOM_NAMES = ("seed_generator_state", "StateVar")
_MOST_NAMESAKES = 16
_MOST_DIGITS = 6
_HIGHEST_RANK = 2**24
_OLD_CONTAINER = "_layer_checkpoint_dependencies"  # Keras 2.12


class _Row(NamedTuple):
    """A layer of a configuration.

    Attributes:
        place: Its group in a file of Keras 3.
        config: Its arguments.
        kind: Its class, in snake case.
    """

    place: str
    config: Config
    kind: str


Shape = tuple[int, ...]


class _Arrays:
    """The shapes of all arrays of a file, found by what they lie beneath.

    Args:
        shapes: By path.
    """

    def __init__(self, shapes: dict[str, Shape]) -> None:
        self._shapes = shapes
        self._places = sorted(shapes)

    def beneath(self, group: str) -> Iterator[tuple[str, Shape]]:
        """List the arrays in a group and in the groups in it, by what follows the group."""
        start = f"{group}/"
        for index in range(bisect_left(self._places, start), len(self._places)):
            place = self._places[index]
            if not place.startswith(start):
                return
            yield place[len(start) :], self._shapes[place]


def weights_in(path: Path, config: Config) -> Lookup:
    """Make the lookup of weights in a file; the file is opened at its first use.

    Args:
        path: Of a ``.keras``, ``.h5`` or ``.hdf5`` file.
        config: Of the model in it.
    """

    @cache
    def find() -> Lookup:
        arrays, rows = _arrays(path), _rows_by_name(config)
        if arrays is None:
            return lambda _: None
        if any(arrays.beneath(WHOLE_MODEL)):
            return lambda names: _by_name(arrays, names, rows(names))

        def by_number(names: tuple[str, ...]) -> StoredWeights | None:
            same = rows(names)
            if not same or _is_adapted_unseen(same[0].config):
                return None
            found = (_beneath(arrays, row) for row in same)
            return next(filter(None, found), StoredWeights(()))

        return by_number

    return lambda names: find()(names) if names else None


def places(config: Config) -> Callable[[tuple[str, ...]], Sequence[str]]:
    """Make the lookup of the groups in which a layer's arrays may lie, in a file of Keras 3.

    Args:
        config: Of the model in the file.
    """
    rows = _rows_by_name(config)
    return lambda names: [place for row in rows(names) for place in _places_of(row)]


def _rows_by_name(config: Config) -> Callable[[tuple[str, ...]], Sequence[_Row]]:
    """Make the lookup of a layer: itself, then others of its name and class.

    What several models share lies in the first of them alone.
    """
    rows = dict(_rows(config))
    namesakes: dict[tuple[str, str], list[_Row]] = {}
    for names, row in rows.items():
        namesakes.setdefault((names[-1], row.kind), []).append(row)

    def by_name(names: tuple[str, ...]) -> Sequence[_Row]:
        if names not in rows:
            return ()
        return (rows[names], *namesakes[names[-1], rows[names].kind][:_MOST_NAMESAKES])

    return by_name


def _places_of(row: _Row) -> tuple[str, str]:
    return row.place, row.place.replace("layers", _OLD_CONTAINER)


def _arrays(path: Path) -> _Arrays | None:
    """List the shapes of all arrays; None where the file keeps them in no HDF5 file."""
    from rsinspect.checkpoints.archive import WEIGHTS, archive_at
    from rsinspect.checkpoints.layout import HDF5_SIGNATURE, start_of

    if start_of(path) != HDF5_SIGNATURE:
        with archive_at(path) as archive:
            if WEIGHTS not in archive:
                return None  # an .npz holds pickled objects, which nobody should read
    from rsinspect.checkpoints.boundary import opened

    with opened(path) as (_, datasets):
        return _Arrays(
            {place: tuple(map(int, array.shape or ())) for place, array in datasets.items()}
        )


def _by_name(arrays: _Arrays, names: tuple[str, ...], same: Sequence[_Row]) -> StoredWeights:
    """Find a layer in a file of Keras 2's layout; in a model inside, by its name in the paths."""
    trainable: list[Shape] = []
    constant: list[Shape] = []
    own = same[0].config if same else {}
    adapted = own.get("lora_rank") or _quantised(own) not in (None, "float8")
    for place, shape in arrays.beneath(f"{WHOLE_MODEL}/{names[0]}"):
        *groups, leaf = place.partition(":")[0].split("/")
        if (len(names) == 1 or names[-1] in groups) and leaf not in _RANDOM_NAMES:
            learnt = leaf == "bias" or leaf.startswith("lora_")
            fixed = leaf in _CONSTANT_NAMES or (adapted and not learnt)
            (constant if fixed else trainable).append(shape)
    return _stored(trainable, constant)


def _beneath(arrays: _Arrays, row: _Row) -> StoredWeights | None:
    """Collect the arrays of a layer and of what it is made of; None where there are none."""
    groups: dict[str, dict[int, Shape]] = {}
    for start in _places_of(row):
        for place, shape in arrays.beneath(start):
            inside, _, index = f"/{place}".rpartition("/vars/")
            if index.isdecimal() and len(index) < _MOST_DIGITS:
                groups.setdefault(inside.removeprefix("/"), {})[int(index)] = shape
    trainable: list[Shape] = []
    constant: list[Shape] = []
    for inside, numbered in groups.items():
        shapes = [numbered[index] for index in sorted(numbered)]
        if _RANDOM_STATE.fullmatch(inside.rpartition("/")[2]) and shapes == [(2,)]:
            continue
        learnt, fixed = _divided(shapes, *_part(inside, row))
        trainable += learnt
        constant += fixed
    return _stored(trainable, constant) if groups else None


def _stored(trainable: list[Shape], constant: list[Shape]) -> StoredWeights:
    """Put the shapes in an order that does not depend on the layout of the file."""
    return StoredWeights((*sorted(trainable), *sorted(constant)), len(constant))


def _divided(shapes: list[Shape], kind: str, config: Config) -> tuple[list[Shape], list[Shape]]:
    """Divide the arrays of a group into trained ones and others; adapters of low rank are added.

    A quantised layer trains its bias alone, but in float8. Keras saves a kernel with its adapter
    multiplied in, and makes the adapter's two matrices anew (``save_own_variables`` of ``Dense``).
    """
    mode, rank = _quantised(config), config.get("lora_rank")
    learnt = range(max(0, len(shapes) - _CONSTANT_ARRAYS.get(kind, 0)))
    if mode and mode != "float8":
        first = 0 if mode in ("gptq", "awq") else 1
        biased = config.get("use_bias") is True or config.get("bias_axes") is not None
        learnt = range(first, first + biased)
    elif rank:
        learnt = range(1, len(shapes))
    trained = [shape for index, shape in enumerate(shapes) if index in learnt]
    if rank and shapes and shapes[0]:
        *sides, last = shapes[0]
        trained += [(*sides, rank), (rank, last)]
    return trained, [shape for index, shape in enumerate(shapes) if index not in learnt]


def _quantised(config: Config) -> str | None:
    """Name the form in which a layer's weights are quantised; None where they are not."""
    policy = config.get("dtype")
    inner = policy.get("config") if isinstance(policy, dict) else None
    mode = inner.get("mode") if isinstance(inner, dict) else None
    if isinstance(policy, str) and "_from_" in policy:
        mode = policy
    return re.split(r"[/_]", mode)[0] if isinstance(mode, str) else None


def _is_adapted_unseen(config: Config) -> bool:
    """Tell whether a layer has an adapter whose shapes the kernel in the file does not tell."""
    rank = config.get("lora_rank")
    plain = type(rank) is int and 0 < rank < _HIGHEST_RANK
    return bool(rank) and not (plain and _quantised(config) in (None, "int8"))


def _part(inside: str, row: _Row) -> tuple[str, Config]:
    """Name the class of a group beneath a layer, and its arguments where they are written.

    The class is its attribute's, or what its numbered name says.
    """
    if not inside:
        return row.kind, row.config
    value: Any = row.config
    for key in inside.split("/"):
        value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, dict) and "class_name" in value:
            kind, value = value["class_name"], value.get("config")
        else:
            kind = None
    own = value if isinstance(value, dict) and not _is_adapted_unseen(value) else {}
    if isinstance(kind, str):
        return snake_case(kind), own
    return re.sub(r"_\d+$", "", inside.rpartition("/")[2]), own


def _rows(config: Config) -> Iterator[tuple[tuple[str, ...], _Row]]:
    """List the layers of a model and of the models in it, each with its group in the file."""
    ahead: list[tuple[Any, tuple[str, ...], str]] = [(config.get("config", config), (), "")]
    while ahead:
        inside, around, start = ahead.pop()
        seen: dict[str, int] = {}
        layers = inside.get("layers") if isinstance(inside, dict) else None
        for row in layers if isinstance(layers, list) else ():
            own = row.get("config") if isinstance(row, dict) else None
            if not isinstance(own, dict) or ".ops." in str(row.get("module")):
                continue  # a raw operation is no layer
            kind = snake_case(str(row.get("class_name")))
            number = seen.get(kind, 0)
            seen[kind] = number + 1
            place = f"{start}layers/{kind}{f'_{number}' if number else ''}"
            names = (*around, str(row.get("name") or own.get("name")))
            yield names, _Row(place, own, kind)
            if isinstance(own.get("layers"), list):
                ahead.append((own, names, f"{place}/"))


def snake_case(class_name: str) -> str:
    """Write a class as Keras names its group: ``Conv2DTranspose`` is ``conv2d_transpose``.

    >>> [snake_case(name) for name in ("BatchNormalization", "LSTM", "PReLU")]
    ['batch_normalization', 'lstm', 'p_re_lu']
    """
    name = re.sub(r"\W+", "", class_name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
