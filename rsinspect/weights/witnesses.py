"""What a file tells of its network beside the shapes of its arrays: names, configuration, checksum.

Each witness says what it has seen and no more; ``identity`` puts together what they say.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rsinspect import paper
from rsinspect.base.errors import RsInspectError
from rsinspect.checkpoints.layout import file_opened, said
from rsinspect.checkpoints.tensors import StoredTensor, TensorFile
from rsinspect.networks.recognition import Recognition
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.weights.naming import convention_of
from rsinspect.weights.signatures import Shape, turned

_STATE = re.compile(
    r"""(^|.*[/.])(optimizer|optimizer_weights|optimizer_state|seed_generator|_?metrics|amp|scaler
    |loss_scaler|lr_scheduler|arg?s|save_counter|_CHECKPOINTABLE_OBJECT_GRAPH)([/.].*|$)
    |.*[/.](Momentum|ExponentialMovingAverage|Adam|RMSProp|Adagrad)(_\d+)?$
    |.*[/.]\.OPTIMIZER_SLOT[/.].*
    |(.*[/.])?(num_batches_tracked|global_step|iterations|epoch|beta[12]_power)(:0)?$""",
    re.VERBOSE,
)
"""Names of what is no weight: counters, and the state of optimizers and random generators."""

_BY_FORMAT = {"keras-2-h5": "keras-2", "keras-3-weights": "keras-3", "keras-archive": "keras-3"}
_OF_OBJECTS = "/.ATTRIBUTES/VARIABLE_VALUE"
"""End of the names in TensorFlow 2's checkpoints, which TF Model Garden's are."""


def is_state(name: str) -> bool:
    """Tell whether a tensor is no weight, but what training keeps beside them.

    >>> is_state("conv2d/kernel/Momentum"), is_state("layer1.0.bn1.num_batches_tracked")
    (True, True)
    """
    return _STATE.fullmatch(name) is not None


def weights_in(tensors: Mapping[str, StoredTensor]) -> dict[str, Shape]:
    """List the shapes of a file's weights by name, with their axes as Keras has them.

    What only training needs is left out.
    """
    kept = {name: each.shape for name, each in tensors.items() if not is_state(name)}
    if is_of_torch(kept.values()):
        return {name: turned(shape) for name, shape in kept.items()}
    return kept


def is_of_torch(shapes: Iterable[Shape]) -> bool:
    """Tell whether kernels lie as PyTorch has them, (out, in, height, width).

    >>> is_of_torch([(64, 3, 7, 7), (64, 64, 1, 1)]), is_of_torch([(7, 7, 3, 64)])
    (True, False)
    """
    kernels = [shape for shape in shapes if len(shape) == 4]
    last = sum(shape[2] == shape[3] and shape[2] <= shape[0] for shape in kernels)
    first = sum(shape[0] == shape[1] and shape[0] <= shape[3] for shape in kernels)
    return last > first


def whose_names(file: TensorFile) -> str | None:
    """Tell whose names a file's tensors have: one of ``naming``'s conventions, or ``tf-models``.

    None where they have nobody's.
    """
    if any(name.endswith(_OF_OBJECTS) for name in file.tensors):
        return "tf-models"
    return _BY_FORMAT.get(file.format) or convention_of(file.tensors)


class Configured(NamedTuple):
    """What the configuration of the model in a file says.

    Attributes:
        known: Which ResNet-RS it is by its wiring; None for none.
        image_size: Height and width that it names; None where it leaves them open.
        evidence: In a sentence.
    """

    known: Recognition | None
    image_size: tuple[int, int] | None
    evidence: str


def configured(file: TensorFile) -> Configured | None:
    """Read the configuration of the model in a file; None where it has none that can be read."""
    if file.format not in ("keras-2-h5", "keras-archive"):
        return None
    from rsinspect.checkpoints.config import saved_model  # most files have none
    from rsinspect.networks.keras_config import from_keras_config

    try:
        saved = saved_model(file.path)
        size = _image_size(saved.config)
        network = from_keras_config(
            saved.config, weights=saved.weights, resolution=None if size else _ANY_SIZE
        )
    except RsInspectError:
        return None
    known = network.recognised
    said_ = f"Its configuration is of {network.title}."
    if known is not None:
        said_ = known.sentence().replace("Recognised by its wiring", "Its configuration")
        said_ = said_.replace("By its wiring", "By its configuration")
    return Configured(known, size, said_)


_ANY_SIZE = (224, 224)
"""For a model that takes images of any size; which ResNet-RS it is does not depend on it."""


def _image_size(config: Any) -> tuple[int, int] | None:
    """Find the size of the image in a configuration: that of its outermost input."""
    inner = config.get("config", config)
    layers = inner.get("layers") if isinstance(inner, Mapping) else None
    for layer in layers if isinstance(layers, list) else ():
        own = layer.get("config") if isinstance(layer, Mapping) else None
        if not isinstance(own, Mapping):
            continue
        shape = own.get("batch_shape", own.get("batch_input_shape"))
        if isinstance(shape, list) and len(shape) == 4:
            sides = [side for side in shape[1:] if isinstance(side, int)]
            if len(sides) == 3:
                height, width = sides[1:] if sides[0] <= 4 else sides[:2]
                return height, width
            return None
    return None


class Published(NamedTuple):
    """What the published files say of a file.

    Attributes:
        image_size: Side of the images that it was trained with; None where that is not known.
        is_whole: Whether its checksum is that of the published one; else only its name is.
        evidence: In a sentence.
    """

    image_size: int | None
    is_whole: bool
    evidence: str


def published(file: TensorFile, spec: ResNetRSSpec) -> Published | None:
    """Look for a file among the published ones, by its checksum, else by its name.

    The checksum is computed only where the format and the network are those of published files.
    """
    variant = paper.variants().get(spec.depth or 0)
    if variant is None or not variant.published or spec.width != 1:
        return None
    if file.format == "keras-2-h5":
        md5 = _digest(file.path, "md5")
        for of, known in paper.published_weights().md5.items():
            if known == md5:
                return Published(_side(of), True, f"Its md5 is that of the published {of}.")
    if file.format == "torch":
        sha256 = _digest(file.path, "sha256")
        for of, of_training in paper.timm_weights().items():
            if sha256.startswith(re.split(r"[-.]", of)[-2]):
                return Published(of_training, True, f"Its SHA-256 is that of timm's {of}.")
    side = _side(file.path.name)
    if side in variant.resolutions:
        said_ = said(Path(file.path.name))
        return Published(side, False, f"Its name, {said_}, says images of {side}.")
    return None


def _side(name: str) -> int | None:
    match = re.search(r"[-_]i(\d{3})(?!\d)", name)
    return int(match[1]) if match else None


def _digest(path: Path, algorithm: str) -> str:
    with file_opened(path) as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def parts(names: Mapping[str, Shape]) -> Iterator[dict[str, Shape]]:
    """Divide weights by the first words of their names: where a network may lie inside another."""
    for depth in range(1, _MOST_NESTED):
        together: dict[tuple[str, ...], dict[str, Shape]] = {}
        for name, shape in names.items():
            together.setdefault(tuple(re.split(r"[/.]", name)[:depth]), {})[name] = shape
        if len(together) == len(names):
            return
        yield from (part for part in together.values() if _LEAST_ARRAYS <= len(part) < len(names))


_MOST_NESTED = 6
_LEAST_ARRAYS = 20
