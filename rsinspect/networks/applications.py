"""Networks of ``keras.applications`` by name: which there are, and how people write them.

Names and default sizes are those of Keras 3.15's ``keras.applications``; they are known here
without Keras, and a test compares them with the Keras that is installed. What a network consists of
is Keras's to say (``keras_process``).
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from rsinspect.base.errors import InvalidSpec
from rsinspect.base.limits import RESOLUTION
from rsinspect.base.units import dimensions
from rsinspect.base.words import Option, advice

Resolution = tuple[int, int]


class Family(NamedTuple):
    """Networks of one paper, in Keras.

    Attributes:
        title: What the literature calls them.
        source: Of the paper.
        sizes: Side of the image that Keras takes by default, by name of the network.
        has_preprocessing: Whether ``include_preprocessing`` can leave the rescaling layers out.
    """

    title: str
    source: str
    sizes: Mapping[str, int]
    has_preprocessing: bool = False


def _at(size: int, *names: str) -> dict[str, int]:
    return dict.fromkeys(names, size)


FAMILIES: Mapping[str, Family] = {
    "convnext": Family(
        "ConvNeXt", "Liu et al. 2022, arXiv 2201.03545",
        _at(224, "ConvNeXtTiny", "ConvNeXtSmall", "ConvNeXtBase", "ConvNeXtLarge",
            "ConvNeXtXLarge"),
        has_preprocessing=True,
    ),
    "densenet": Family(
        "DenseNet", "Huang et al. 2016, arXiv 1608.06993",
        _at(224, "DenseNet121", "DenseNet169", "DenseNet201"),
    ),
    "efficientnet": Family(
        "EfficientNet", "Tan and Le 2019, arXiv 1905.11946",
        {"EfficientNetB0": 224, "EfficientNetB1": 240, "EfficientNetB2": 260,
         "EfficientNetB3": 300, "EfficientNetB4": 380, "EfficientNetB5": 456,
         "EfficientNetB6": 528, "EfficientNetB7": 600},
    ),
    "efficientnet_v2": Family(
        "EfficientNetV2", "Tan and Le 2021, arXiv 2104.00298",
        {"EfficientNetV2B0": 224, "EfficientNetV2B1": 240, "EfficientNetV2B2": 260,
         "EfficientNetV2B3": 300, "EfficientNetV2S": 384, "EfficientNetV2M": 480,
         "EfficientNetV2L": 480},
        has_preprocessing=True,
    ),
    "inception_resnet_v2": Family(
        "Inception-ResNet-v2", "Szegedy et al. 2016, arXiv 1602.07261",
        _at(299, "InceptionResNetV2"),
    ),
    "inception_v3": Family(
        "Inception-v3", "Szegedy et al. 2015, arXiv 1512.00567", _at(299, "InceptionV3")
    ),
    "mobilenet": Family(
        "MobileNet", "Howard et al. 2017, arXiv 1704.04861", _at(224, "MobileNet")
    ),
    "mobilenet_v2": Family(
        "MobileNetV2", "Sandler et al. 2018, arXiv 1801.04381", _at(224, "MobileNetV2")
    ),
    "mobilenet_v3": Family(
        "MobileNetV3", "Howard et al. 2019, arXiv 1905.02244",
        _at(224, "MobileNetV3Small", "MobileNetV3Large"), has_preprocessing=True,
    ),
    "nasnet": Family(
        "NASNet", "Zoph et al. 2017, arXiv 1707.07012",
        {"NASNetMobile": 224, "NASNetLarge": 331},
    ),
    "resnet": Family(
        "ResNet in Keras", "He et al. 2015, arXiv 1512.03385",
        _at(224, "ResNet50", "ResNet101", "ResNet152"),
    ),
    "resnet_v2": Family(
        "ResNet v2", "He et al. 2016, arXiv 1603.05027",
        _at(224, "ResNet50V2", "ResNet101V2", "ResNet152V2"),
    ),
    "vgg": Family(
        "VGG", "Simonyan and Zisserman 2014, arXiv 1409.1556", _at(224, "VGG16", "VGG19")
    ),
    "xception": Family("Xception", "Chollet 2016, arXiv 1610.02357", _at(299, "Xception")),
}  # fmt: skip
"""Families by the name of Keras's module; of VGG it has two."""

_PLAIN = re.compile(r"[\s._-]+")
_FAMILY_OF = {name: family for family in FAMILIES for name in FAMILIES[family].sizes}
_NAMES = {name.lower(): name for name in _FAMILY_OF} | {"mobilenetv1": "MobileNet"}

_LIBRARY = (
    r"(?:tf\.|tensorflow\.)?(?:tf_)?keras(?:\.(?:src\.)?applications(?:\.[a-z0-9_]+(?=\.))?)?"
)
_TEXT = re.compile(
    rf"(?P<library>{_LIBRARY}[\s./:]\s*)?(?P<name>[a-z][a-z0-9\s._-]*?)"
    r"(?:\s*@\s*(?P<size>\d+(?:\s*[x×]\s*\d+)?))?"
)
_ARGUMENTS = {
    "classes": 1000, "include_top": True, "pooling": None, "channels": 3, "preprocessing": True,
}  # fmt: skip
"""Arguments that mean the same here and there, and Keras's defaults."""


def names(family: str | None = None) -> tuple[str, ...]:
    """List the networks of a family; of all.

    >>> names("mobilenet_v3")
    ('MobileNetV3Small', 'MobileNetV3Large')
    """
    if family is None:
        return tuple(_FAMILY_OF)
    return tuple(FAMILIES[family].sizes)


def is_also_ours(name: str) -> bool:
    """Tell whether a name alone means a network that is built here, and not Keras's.

    >>> is_also_ours("ResNet50"), is_also_ours("ResNet50V2")
    (True, False)
    """
    return name in FAMILIES["resnet"].sizes


class Application(NamedTuple):
    """A network of ``keras.applications`` that somebody asks for.

    Attributes:
        name: As Keras spells it.
        resolution: Height and width.
        arguments: What else is asked of Keras: keyword arguments, in alphabetical order.
    """

    name: str
    resolution: Resolution
    arguments: tuple[tuple[str, Any], ...] = ()

    @property
    def title(self) -> str:
        """Write name and size, such that it is MODEL text of this network.

        >>> Application("EfficientNetB0", (224, 224)).title
        'EfficientNetB0 @ 224×224'
        >>> Application("ResNet50", (224, 224)).title
        'Keras ResNet50 @ 224×224'
        """
        library = "Keras " if is_also_ours(self.name) else ""
        return f"{library}{self.name} @ {dimensions(self.resolution)}"

    @property
    def keywords(self) -> dict[str, Any]:
        """Return the arguments of Keras's function."""
        arguments = dict(self.arguments)
        channels = arguments.pop("channels", 3)
        return {"weights": None, "input_shape": [*self.resolution, channels], **arguments}


class Named(NamedTuple):
    """What MODEL text says of a network of ``keras.applications``.

    Attributes:
        name: As Keras spells it.
        resolution: Height and width; None where the text names none.
    """

    name: str
    resolution: Resolution | None = None

    @property
    def own_size(self) -> Resolution:
        """Return the size in the text, or else Keras's default."""
        side = FAMILIES[_FAMILY_OF[self.name]].sizes[self.name]
        return self.resolution or (side, side)

    def application(self, *, resolution: Resolution | None = None, **changes: Any) -> Application:
        """Say what is asked of Keras, with what the text leaves open taken from the arguments.

        Args:
            resolution: Height and width.
            changes: ``classes``, ``include_top``, ``pooling``, ``channels``, ``preprocessing``.

        Raises:
            InvalidSpec: If text and arguments disagree, or Keras has no such argument.
        """
        if None not in (self.resolution, resolution) and self.resolution != resolution:
            raise InvalidSpec(
                f"{self.name} at two sizes: {dimensions(self.resolution or ())} and "
                f"{dimensions(resolution or ())}",
                "give one of them",
            )
        size = resolution or self.own_size
        for side in size:
            RESOLUTION.check(side, InvalidSpec)
        asked = {key: value for key, value in changes.items() if value is not None}
        for key, value in asked.items():
            known = key in _ARGUMENTS and (
                key != "preprocessing" or FAMILIES[_FAMILY_OF[self.name]].has_preprocessing
            )
            if not known and value != _ARGUMENTS.get(key):
                raise InvalidSpec(
                    advice("{} is not an argument of Keras's {}", Option(key, value), self.name),
                    "leave it out",
                )
        arguments = {
            "include_preprocessing" if key == "preprocessing" else key: value
            for key, value in asked.items()
            if value != _ARGUMENTS[key]
        }
        return Application(self.name, size, tuple(sorted(arguments.items())))


def named_in(text: str) -> Named | None:
    """Read the name of a network of ``keras.applications``; None where it is none.

    Case, spaces, hyphens, underscores and dots do not matter, and the library may stand before it.
    ``ResNet50``, ``ResNet101`` and ``ResNet152`` need it: alone they are He et al.'s networks,
    whose convolutions have no biases.

    >>> named_in("efficientnet-b0@260"), named_in("ResNet50"), named_in("keras.applications.ResNet50")
    (Named(name='EfficientNetB0', resolution=(260, 260)), None, Named(name='ResNet50', resolution=None))
    """  # noqa: E501  # one example, one line
    from rsinspect.networks.grammar import parse_resolution

    match = _TEXT.fullmatch(text.strip().lower())
    if match is None:
        return None
    name = _NAMES.get(_PLAIN.sub("", match["name"]))
    if name is None or (is_also_ours(name) and not match["library"]):
        return None
    size = match["size"]
    return Named(name, None if size is None else parse_resolution(size))


def family_named(text: str) -> str | None:
    """Find a family in anybody's spelling, or that of a network; None where there is none.

    >>> family_named("EfficientNet-V2"), family_named("vgg16"), family_named("resnext")
    ('efficientnet_v2', 'vgg', None)
    """
    plain = _PLAIN.sub("", text.lower())
    families = {_PLAIN.sub("", name): name for name in FAMILIES}
    if plain in families:
        return families[plain]
    name = _NAMES.get(plain)
    return None if name is None else _FAMILY_OF[name]


def near_name(text: str) -> str | None:
    """Find the network that is spelt most like the text; None where none is near.

    >>> near_name("eficientnet_b0"), near_name("resnext50")
    ('EfficientNetB0', None)
    """
    from rsinspect.base.words import nearest

    plain = re.split("[@:+]", text.strip().lower().rpartition("/")[2])[0]
    close = nearest(_PLAIN.sub("", plain), _NAMES, cutoff=0.8)
    return None if close is None or close.startswith("resnet") else _NAMES[close]
