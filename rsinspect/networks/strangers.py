"""What to say of MODEL text that names no network of ours: why not, and what there is instead."""

import contextlib
import re
from pathlib import Path

from rsinspect import paper
from rsinspect.base.errors import SpecError, UnknownVariant
from rsinspect.base.words import Option, Wording, advice, names_in_words, nearest, quoted
from rsinspect.networks.applications import family_named, names, near_name
from rsinspect.networks.code import functions_in
from rsinspect.networks.grammar import RESNET_DEPTHS

_FILE = re.compile(
    r"[\\/]|\.(?:keras|h5|hdf5|onnx|tflite|ptx?|pth|pb|safetensors|ckpt|npz|zip|gz|ya?ml|py|txt|svg|"
    r"pdf|png|html|csv|tex|md)$",
    re.IGNORECASE,
)
_SIZED = re.compile(r"(.+?)\s*@\s*(\d{1,9}(?:\s*[x×]\s*\d{1,9})?)", re.IGNORECASE)
_OF_TIMM = re.compile(r"(?:hf[-_]hub:)?timm/", re.IGNORECASE)
_OTHER_FILES = {
    ".onnx": "an ONNX graph has operations, not layers",
    ".tflite": "a TensorFlow Lite graph has operations, not layers",
    ".pb": "a SavedModel has operations, not layers",
    ".pt": "a PyTorch file is a pickle, which is code, or weights without a graph",
    ".safetensors": "it holds weights without a graph",
    ".ckpt": "it holds weights without a graph",
    ".npz": "it holds arrays without a graph",
}
"""What to say of files by their suffix."""
_AS_PT = (".pth", ".ptx")
_LAYOUT = re.compile(
    r"\s*(?:resnet[\s_-]*)?(?:rs)?[\s_-]*(\d{1,4}(?:\s*[,_-]\s*\d{1,4})+)\s*", re.IGNORECASE
)
_RESNET = re.compile(
    r"(?P<library>.*\.|.*/)?resnet[\s_-]*(?P<depth>\d{1,9})(?P<rest>.*)", re.DOTALL
)
_OTHER_FAMILIES = ("resnext", "resnest", "seresnet", "wideresnet", "resnetv2")
"""Families that are spelt nearly as ours are, and are others all the same."""

THERE_ARE = "there are resnet-rs-50 to 420, resnet50 to 200 and resnet50d to 200d"


def refusal(text: str) -> SpecError:
    """Say in one line why the text is no network, with a hint at what is.

    >>> refusal("resnet200v2").message
    "'resnet200v2' is not a model: Keras has ResNet v2 at 50, 101 and 152"
    """
    plain = text.strip().lower()
    if (sized := _SIZED.fullmatch(text.strip())) and _FILE.search(sized[1]):
        sides = [int(side) for side in re.findall(r"\d+", sized[2])]
        size = sides[0] if len(sides) == 1 else tuple(sides)
        option = Option("resolution", "x".join(map(str, sides)), f"resolution={size}")
        return UnknownVariant(
            f"{quoted(text)} is not a model: a size behind @ is for names, this is a file",
            advice("{} with {}", quoted(sized[1]), option),
        )
    is_path = _FILE.search(plain) is not None and not _OF_TIMM.match(plain)
    if is_path or _exists(text):
        return _of_file(text)
    reason, hint = _of_name(plain)
    return UnknownVariant(f"{quoted(text)} is not a model{reason and f': {reason}'}", hint)


def _exists(text: str) -> bool:
    """Tell whether there is a file or folder of that name."""
    try:
        return bool(text.strip()) and Path(text).expanduser().exists()
    except (OSError, ValueError, RuntimeError):  # no name that a system takes, or no such user
        return False


def _of_file(text: str) -> SpecError:
    """Refuse a file or folder: what it is, whether it is there, and what is read instead."""
    path = Path(text.strip())
    if path.suffix.lower() == ".py":
        functions = functions_in(path) or ("make_model",)
        return UnknownVariant(
            f"{quoted(text)} is Python code, of which one thing is the model",
            f"name it behind a colon: {path.name:.40}:{names_in_words(functions)}",
        )
    suffix = ".pt" if path.suffix.lower() in _AS_PT else path.suffix.lower()
    what = "" if _exists(text) else "there is no such file"
    if what == "" and path.expanduser().is_dir():
        inside = set()
        with contextlib.suppress(OSError):  # nobody may look into it, or it is gone
            inside = {name.name for name in path.expanduser().iterdir()}
        if "config.json" in inside:
            return UnknownVariant(
                f"{quoted(text)} is a folder", "name the config.json in it, which is read"
            )
        what = _OTHER_FILES[".pb"] if "saved_model.pb" in inside else "it is a folder"
    reasons = "; ".join(filter(None, (_OTHER_FILES.get(suffix, ""), what)))
    return UnknownVariant(
        f"{quoted(text)} is not a model{reasons and f': {reasons}'}",
        "files that are: my.keras, my.h5, config.json (what model.to_json() gives) and rsinspect's "
        "own .json; from Python a live keras.Model: rsinspect.summary(model)",
    )


def _of_name(plain: str) -> tuple[str, str | Wording]:
    """Give the reason why a name is none of ours, and a hint."""
    if layout := _LAYOUT.fullmatch(plain):
        blocks = tuple(map(int, re.findall(r"\d+", layout[1])))
        return "", advice("a layout of your own: {}", Option("blocks", blocks))
    match = _RESNET.fullmatch(plain)
    if match is not None:
        return _of_resnet(match["library"] or "", int(match["depth"]), match["rest"])
    letters, digits = (re.sub(rf"[^{kept}]", "", plain) for kept in ("a-z", "0-9"))
    family = nearest(letters, ("resnetrs", "resnet", "resnetd"), cutoff=0.75)
    known = paper.variants() if family == "resnetrs" else RESNET_DEPTHS
    if family and letters not in _OTHER_FAMILIES and digits in map(str, known):
        near = {"resnetrs": f"resnet-rs-{digits}", "resnet": f"resnet{digits}"}
        return "", f"did you mean {near.get(family, f'resnet{digits}d')}?"
    if family := family_named(plain):
        return "it names a family", f"one of {', '.join(names(family))}"
    if known_to_keras := near_name(plain):
        return _near_application(plain, known_to_keras)
    return "", (
        "write a depth, 50 to 420, a depth at a size (152@224) or a name (resnet-rs-50, resnet50, "
        "EfficientNetB0)"
    )


def _near_application(plain: str, name: str) -> tuple[str, str | Wording]:
    """Tell of the network of ``keras.applications`` that is spelt most like the text."""
    if _OF_TIMM.match(plain) or "torch" in plain:
        return "timm and torchvision wire it otherwise", f"{name} is Keras's"
    if ":" in plain or "+" in plain:
        return "Keras's networks have no dialects", f"{name} alone is Keras's"
    return "", f"did you mean {name}?"


def _of_resnet(library: str, depth: int, rest: str) -> tuple[str, str | Wording]:
    """Tell a ResNet that is not built here from those that are."""
    ours = f"resnet{depth}" if depth in RESNET_DEPTHS else "resnet50"
    if rest.lstrip(" _-").startswith("v2"):
        return "Keras has ResNet v2 at 50, 101 and 152", f"{ours} is He et al.'s of 2015"
    if "keras" in library and depth in (50, 101, 152):
        return (
            "Keras's ResNet has no dialects",
            f"{ours} is He et al.'s, which has; keras.applications.ResNet{depth} is Keras's own",
        )
    if "timm" in library or "torch" in library or rest.startswith("."):
        return (
            "the ResNets of timm and torchvision stride in their 3×3 convolutions",
            f"{ours} is He et al.'s of 2015, which strides in the 1×1; {THERE_ARE}",
        )
    if depth in (18, 34) and not rest:
        return f"ResNet-{depth} has no bottleneck blocks", THERE_ARE
    if depth in paper.variants() and not rest:
        return f"there is no ResNet-{depth}", f"resnet-rs-{depth} is one; {THERE_ARE}"
    return "", THERE_ARE
