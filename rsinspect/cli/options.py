"""Groups of options that several commands share, each declared once.

A group of options is a dataclass whose fields are options. ``with_options`` gives a command the
options of every group among its parameters, and hands it the groups: a command that takes a
``Question`` has ``--convention``, ``--batch`` and ``--dtype``; one whose first parameter is a
``Network`` (``model_command``) has all the options that describe a network. ``cli.outputs`` puts an
answer where the user wants it, ``cli.picture`` a picture.

Annotations are types, not strings, which would have to be compiled at every call.
"""

import inspect
import re
import typing
from collections.abc import Callable, Iterable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from rsinspect.base.errors import InvalidSpec
from rsinspect.base.units import ITEM_BYTES
from rsinspect.base.words import Option, advice
from rsinspect.cli.claims import reads_model
from rsinspect.cli.declaration import OUTPUT, completing, option
from rsinspect.layers.cost import CONVENTIONS
from rsinspect.layers.question import Question
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.grammar import parse_blocks, parse_resolution
from rsinspect.networks.named import network
from rsinspect.networks.network import Network, folded, resnet_rs
from rsinspect.networks.spec import ACTIVATIONS, POOLINGS, ResNetRSSpec

_NETWORK = "Network"
_HOLDS_MODEL = r"[\w+-][\w.+-]*\.(keras|h5|json|py)"
"""Names of files that a shell is offered as MODEL."""


def models(incomplete: str) -> Iterable[str]:
    """List MODEL texts that may be meant: names, files; behind a colon, dialects or functions."""
    from rsinspect import paper
    from rsinspect.networks import applications
    from rsinspect.networks.code import functions_in

    name, colon, _ = incomplete.rpartition(":")
    if name.lower().endswith(".py"):
        return [f"{name}:{function}" for function in functions_in(Path(name))]
    if colon:
        return [f"{name}:{dialect}" for dialect in DIALECTS]
    depths = [variant for variant in paper.variants().values() if variant.published]
    sizes = [f"{v.depth}@{size}" for v in depths for size in v.resolutions]
    keras = [
        incomplete + name[len(incomplete) :]  # in whichever case it is typed
        for name in applications.names()
        if name.lower().startswith(incomplete.lower()) and not applications.is_also_ours(name)
    ]
    return [*(str(variant.depth) for variant in depths), *sizes, *keras, *_files(incomplete)]


def _files(incomplete: str) -> list[str]:
    """List files that a network can be in; where nothing else fits, a shell offers the others.

    A name with a sign that a shell could take for its own is left to the shell, which quotes it.
    """
    before = "".join(incomplete.rpartition("/")[:2])
    try:
        found = sorted(path.name for path in Path(before).iterdir())
    except OSError:
        return []
    return [before + name for name in found if re.fullmatch(_HOLDS_MODEL, name)]


def model_argument(metavar: str, help: str) -> Any:
    """Declare an argument that is a MODEL."""
    return typer.Argument(
        metavar=metavar,
        help=help,
        show_default=False,
        callback=reads_model,
        autocompletion=completing(models),
    )


def families(incomplete: str) -> Iterable[str]:
    """List families of networks of ``keras.applications``."""
    from rsinspect.networks.applications import FAMILIES

    return ["all", "list", *FAMILIES]


Convention = Annotated[
    str, option("--convention", help="What a FLOP is: {}.", choices=CONVENTIONS, panel=OUTPUT)
]


@dataclass(kw_only=True, repr=False)  # a frozen one takes twice as long to make, at every call
class QuestionOptions:
    """What is asked of a network."""

    convention: Convention = "paper"
    batch: Annotated[
        int, option("--batch", "-b", help="Number of images, for bytes of activations.")
    ] = 1
    dtype: Annotated[
        str, option("--dtype", help="Data type, for bytes: {}.", choices=ITEM_BYTES)
    ] = "float32"

    def make(self) -> Question:
        """Check the options and make the question."""
        return Question(self.convention, self.batch, self.dtype)


def _described(*names: str, help: str, choices: Iterable[str] = ()) -> Any:
    return option(*names, help=help, choices=choices, panel=_NETWORK)


@dataclass(kw_only=True, repr=False)  # a frozen one takes twice as long to make, at every call
class ChangeOptions:
    """How the network that is named is to be otherwise, or the layout of one without a name."""

    blocks: Annotated[
        str | None, _described("--blocks", help="A layout of your own: 3,4,23,3.")
    ] = None
    resolution: Annotated[
        str | None,
        _described(
            "--resolution",
            "-r",
            help="Image side, or height x width: 224, 160x192. Default: the largest published; "
            "224 for resnet50 and its like.",
        ),
    ] = None
    width: Annotated[
        float, _described("--width", help="Multiplier of all filters, rounded to multiples of 8.")
    ] = 1.0
    dialect: Annotated[
        str | None,
        _described("--dialect", help="Whose wiring: {}. Default: keras.", choices=DIALECTS),
    ] = None
    classes: Annotated[
        int | None,
        _described("--classes", help="Outputs of the classifier. Default: 1000, tf-models 1001."),
    ] = None
    channels: Annotated[int, _described("--channels", help="Channels of the image.")] = 3
    se_ratio: Annotated[
        float | None,
        _described(
            "--se-ratio",
            help="Ratio of squeeze and excitation; 0 for none. Default: 0.25, the ancestors 0.",
        ),
    ] = None
    drop_path_rate: Annotated[
        float | None,
        _described("--drop-path-rate", help="Stochastic depth. Default: the published one."),
    ] = None
    dropout_rate: Annotated[
        float | None,
        _described("--dropout", help="Dropout before the classifier. Default: the published one."),
    ] = None
    activation: Annotated[
        str | None,
        _described(
            "--activation",
            help="Nonlinearity of stem and blocks: {}. Default: relu, tf-models swish.",
            choices=ACTIVATIONS,
        ),
    ] = None
    include_top: Annotated[
        bool, _described("--top/--no-top", help="With or without the classifier.")
    ] = True
    pooling: Annotated[
        str | None,
        _described(
            "--pooling", help="Without the classifier: {}. Default: the map.", choices=POOLINGS
        ),
    ] = None
    preprocessing: Annotated[
        bool,
        _described("--preprocessing/--no-preprocessing", help="With or without rescaling layers."),
    ] = True
    fold_batch_norm: Annotated[
        bool,
        _described(
            "--fold-batchnorm",
            help="For inference: each batch norm becomes part of the convolution or dense layer "
            "beside it, where that is exact.",
        ),
    ] = False

    def of(self, model: str | None) -> Network:
        """Make the network that MODEL and the options describe.

        Args:
            model: MODEL text; None where a layout alone describes it.

        Raises:
            SpecError: If they describe none.
        """
        made = self._whole(model)
        return folded(made) if self.fold_batch_norm else made

    def changes(self) -> dict[str, Any]:
        """List what is to be otherwise, but for the size and the folding of batch norms."""
        named = ("model", "blocks", "resolution", "fold_batch_norm")
        return {
            field.name: value
            for field in fields(self)
            if field.name not in named and (value := getattr(self, field.name)) != field.default
        }

    def size(self) -> tuple[int, int] | None:
        """Read the resolution; None where none is given.

        Raises:
            SpecError: If it is none.
        """
        return None if self.resolution is None else parse_resolution(self.resolution)

    def _whole(self, model: str | None) -> Network:
        if self.pooling is not None and self.include_top:
            raise InvalidSpec(
                advice("{} is for networks without a classifier", Option("pooling", self.pooling)),
                advice("add {}", Option("include_top", False)),
            )
        changes, size = self.changes(), self.size()
        if self.blocks is not None:
            if model is not None:
                raise InvalidSpec(
                    advice("{} and {} describe two networks", model, Option("blocks", self.blocks)),
                    "give one of them",
                )
            if size is not None:
                changes["resolution"] = size
            return resnet_rs(ResNetRSSpec.layout(parse_blocks(self.blocks), **changes))
        if model is None:
            raise InvalidSpec(
                "no network named",
                advice("give a depth, 50 to 420, a file, or {}", Option("blocks", (3, 4, 23, 3))),
            )
        return network(model, resolution=size, **changes)


@dataclass(kw_only=True, repr=False)  # a frozen one takes twice as long to make, at every call
class NetworkOptions(ChangeOptions):
    """Which network a command is about."""

    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="A depth (270), a depth at a size (152@224), a name (resnet-rs-101, resnet50), "
            "each with a dialect (101:article) and +se or -se; a network of keras.applications "
            "(EfficientNetB0@260; resnet50 is He et al.'s, keras.applications.ResNet50 Keras's "
            "own); a file: my.keras, my.h5, config.json, a .json network, a page of report; or "
            "Python that makes a Keras model, which is run: train.py:make_model.",
            show_default=False,
            callback=reads_model,
            autocompletion=completing(models),
        ),
    ] = None

    def network(self, default_model: str | None = None) -> Network:
        """Make the network that the options describe.

        Args:
            default_model: MODEL where neither it nor a layout is given; None makes it required.

        Raises:
            SpecError: If they describe none.
        """
        return self.of(self.model or (default_model if self.blocks is None else None))


def with_options(
    command: Callable[..., None], *, default_model: str | None = None
) -> Callable[..., None]:
    """Give a command the options of each group among its parameters, in their place.

    A group is a dataclass whose fields are annotated as options. A ``Network`` is made from
    ``NetworkOptions`` and a ``Question`` from ``QuestionOptions``.

    Args:
        command: What to call with the groups.
        default_model: MODEL where a command of a network is given none; None makes it required.
    """
    hints = typing.get_type_hints(command, include_extras=True)
    groups: dict[str, tuple[Any, Callable[[Any], Any]]] = {}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        kind = hints[parameter.name]
        if kind is Network:
            groups[parameter.name] = NetworkOptions, lambda group: group.network(default_model)
        elif kind is Question:
            groups[parameter.name] = QuestionOptions, QuestionOptions.make
        elif is_dataclass(kind):
            groups[parameter.name] = kind, lambda group: group
        else:
            parameters.append(parameter.replace(annotation=kind, kind=parameter.KEYWORD_ONLY))
            continue
        parameters += _parameters_of(groups[parameter.name][0])

    def run(**values: Any) -> None:
        made = {
            name: make(group(**{field.name: values.pop(field.name) for field in fields(group)}))
            for name, (group, make) in groups.items()
        }
        command(**made, **values)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run


def _parameters_of(group: Any) -> list[inspect.Parameter]:
    """Turn the fields of a group into parameters of a command."""
    hints = typing.get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=hints[field.name],
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
        )
        for field in fields(group)
    ]


def model_command(
    default_model: str | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command of a function that takes a network, by ``with_options``.

    Args:
        default_model: MODEL where none is given; None makes it required.
    """
    return lambda command: with_options(command, default_model=default_model)
