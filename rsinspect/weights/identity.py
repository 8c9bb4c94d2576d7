"""What a file with tensors is: which network, whose, with which head, for which images; how sure.

Four witnesses are heard: the shapes of its arrays (``anatomy``), their names, the configuration of
the model where the file has one, and the published files' checksums. Each says what it has seen, in
a line of evidence. Nothing of the tensors is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from rsinspect.base.units import dimensions, percent
from rsinspect.base.words import names_in_words, plural
from rsinspect.checkpoints.tensors import TensorFile
from rsinspect.networks.dialects import DIALECTS
from rsinspect.networks.network import Network, resnet_rs
from rsinspect.networks.spec import ResNetRSSpec
from rsinspect.weights.anatomy import HEAD_ARRAYS, Body, Head, Near, body_in, head_of, nearest
from rsinspect.weights.signatures import Arrays, Shape, plain
from rsinspect.weights.witnesses import (
    Configured,
    configured,
    parts,
    published,
    weights_in,
    whose_names,
)

Confidence = Literal["certain", "high", "medium", "low", "none"]
"""``certain``: its own configuration or a checksum says it. ``high``: its arrays are those of the
network and of a head, by their shapes. ``medium``: the network's arrays are there, among others.
``low``: most of them are. ``none``: no known network."""

_LEAST_ALIKE = 0.5


class Identity(NamedTuple):
    """What a file with tensors is.

    Attributes:
        architecture: Of the network: ``ResNet-RS-152``, ``keras.applications.ResNet50``; None where
            it is none that is known.
        confidence: How sure that is.
        evidence: What speaks for it, and against; a sentence each.
        convention: Whose names the tensors have: ``keras-2``, ``keras-3``, ``timm``, ``tpu`` (which
            ``naming`` knows) or ``tf-models``; None for others.
        spec: Of a ResNet-RS, its numbers, without a head that is not its own; else None.
        dialects: Whose wirings have such arrays, the one it was taken for first.
        head: What follows the body; None where no network is known.
        image_size: Height and width that it was trained or made for; None where nothing says so.
        names: All networks that have the same arrays, where it is no ResNet-RS.
    """

    architecture: str | None
    confidence: Confidence
    evidence: tuple[str, ...]
    convention: str | None = None
    spec: ResNetRSSpec | None = None
    dialects: tuple[str, ...] = ()
    head: Head | None = None
    image_size: tuple[int, int] | None = None
    names: tuple[str, ...] = ()

    @property
    def is_resnet_rs(self) -> bool:
        """Tell whether it is a ResNet-RS; an ancestor of the family is none."""
        return self.spec is not None and self.spec.dialect.family == "resnet-rs"

    @property
    def dialect(self) -> str | None:
        """Return whose wiring it is."""
        return self.dialects[0] if self.dialects else None

    @property
    def network(self) -> Network | None:
        """Make the network that the file is of, with a classifier where it has its own."""
        if self.spec is None:
            return None
        spec = self.spec
        if self.head is not None and self.head.top and self.head.classes is not None:
            spec = spec.replace(include_top=True, classes=self.head.classes)
        if self.image_size is not None:
            spec = spec.replace(resolution=self.image_size)
        return resnet_rs(spec)

    def sentence(self) -> str:
        """Say what it is, and how sure that is, in one line."""
        if self.architecture is None:
            return "Not a ResNet-RS, nor any other network that is known here."
        parts = [self.architecture]
        if self.dialect is not None and self.is_resnet_rs:
            parts[0] += f" ({self.dialect})"
        if self.head is not None:
            parts.append(_head_in_words(self.head))
        if self.image_size is not None:
            parts.append(f"images of {dimensions(self.image_size)}")
        what = f"{', '.join(parts)}; {_SURE[self.confidence]}."
        return what if self.is_resnet_rs else f"Not a ResNet-RS: {what}"

    def document(self) -> dict[str, Any]:
        """Write it as plain JSON values."""
        spec, head = self.spec, self.head
        return {
            "architecture": self.architecture,
            "is_resnet_rs": self.is_resnet_rs,
            "confidence": self.confidence,
            "evidence": list(self.evidence),
            "names": list(self.names),
            "depth": spec.depth if spec else None,
            "blocks": list(spec.blocks) if spec else None,
            "width": spec.width if spec else None,
            "channels": spec.channels if spec else None,
            "se_ratio": spec.se_ratio if spec else None,
            "dialect": self.dialect,
            "dialects": list(self.dialects),
            "convention": self.convention,
            "top": head.top if head else None,
            "classes": head.classes if head else None,
            "image_size": None if self.image_size is None else list(self.image_size),
        }


_SURE: dict[Confidence, str] = {
    "certain": "certain",
    "high": "all its arrays say so",
    "medium": "its arrays are there, among others",
    "low": "most of its arrays are there",
    "none": "unknown",
}


def identified(file: TensorFile) -> Identity:
    """Say what an open file is.

    Args:
        file: Of any format.

    Raises:
        WeightsError: If it cannot be read.
    """
    weights = weights_in(file.tensors)
    arrays = plain(weights.values())
    found, convention, config = _body(weights, arrays), whose_names(file), configured(file)
    is_rs = found is not None and found.spec.dialect.family == "resnet-rs"
    if found is not None and is_rs and found.besides.total() <= HEAD_ARRAYS:
        return _resnet(file, weights, found, convention, config)
    near = nearest(arrays)
    if found is None or _is_outdone(found, near, arrays):
        return _other(arrays, near, convention, config)
    if is_rs:
        return _resnet(file, weights, found, convention, config)
    ancestor = _resnet(file, weights, found, convention, config)
    if near is None or near.body != found.arrays:
        return ancestor
    same = f"Networks with the same arrays: {names_in_words(near.names)}."
    return ancestor._replace(names=near.names, evidence=(*ancestor.evidence, same))


def _body(weights: Mapping[str, Shape], arrays: Arrays) -> Body | None:
    """Find a body among all weights, or where it lies inside another network."""
    found = body_in(arrays)
    if found is not None and found.besides.total() <= HEAD_ARRAYS:
        return found
    inside = [body for part in parts(weights) if (body := body_in(plain(part.values())))]
    if not inside:
        return found
    best = max(inside, key=lambda body: (-body.besides.total(), body.arrays.total()))
    if found is not None and found.besides.total() <= best.besides.total():
        return found
    copies = min(arrays[shape] // count for shape, count in best.arrays.items())
    own = Counter({shape: copies * count for shape, count in best.arrays.items()})
    return best._replace(copies=copies, besides=arrays - own)


def _is_outdone(found: Body, near: Near | None, arrays: Arrays) -> bool:
    """Tell whether another known network has more of the arrays.

    It may lack some of its own where it is a ResNet-RS: one with a hole looks like a smaller one.
    """
    if near is None or near.body == found.arrays:
        return False
    whole = not near.body - arrays
    return (whole or near.spec is not None) and (
        (near.body & arrays).total() > found.copies * found.arrays.total()
    )


def _resnet(
    file: TensorFile,
    weights: Mapping[str, Shape],
    found: Body,
    convention: str | None,
    config: Configured | None,
) -> Identity:
    """Put together what the witnesses say of a ResNet-RS, or an ancestor of its family."""
    spec = found.spec
    head = head_of(spec, _of_one(found))
    evidence = [_body_in_words(found, sum(map(bool, weights.values())))]
    if convention is not None:
        evidence.append(f"Names: {_WHOSE[convention]}, as in {next(iter(weights))}.")
    said = None
    if config is not None:
        evidence.append(config.evidence)
        said = config.known
        if said is not None and said.spec.blocks != spec.blocks:
            evidence.append("Its configuration and its arrays are of different networks.")
            said = None
    dialect, why = _dialect(found, head, convention, said and said.spec.dialect.name)
    evidence += why
    spec = spec.replace(dialect=DIALECTS[dialect])
    is_known = said is not None and said.part != "body"
    if said is not None and is_known:
        spec = spec.replace(activation=said.spec.activation, preprocessing=said.spec.preprocessing)
    public = published(file, spec) if head.top or not head.arrays else None
    size = config.image_size if config is not None else None
    if public is not None:
        evidence.append(public.evidence)
        if size is None and public.image_size is not None:
            size = public.image_size, public.image_size
    if size is None:
        evidence.append("No image size: arrays are the same at every size, and nothing else says.")
    sure: Confidence = "high" if head.is_head and found.copies == 1 else "medium"
    if is_known or (public is not None and public.is_whole):
        sure = "certain"
    return Identity(
        architecture=_architecture(spec),
        confidence=sure,
        evidence=tuple(evidence),
        convention=convention,
        spec=spec,
        dialects=(dialect, *(each for each in found.dialects if each != dialect)),
        head=head,
        image_size=size,
    )


def _architecture(spec: ResNetRSSpec) -> str:
    return spec.title.replace(f" @ {spec.size}", "").replace(f" ({spec.dialect.name})", "")


_WHOSE = {
    "keras-2": "Keras 2's",
    "keras-3": "Keras 3's, by class and number",
    "timm": "timm's",
    "tpu": "the TPU code's",
    "tf-models": "TensorFlow 2's, by object",
}
_DIALECT_OF = {"timm": "timm", "tf-models": "tf-models"}
"""Whose names tell the dialect."""


def _dialect(
    found: Body, head: Head, convention: str | None, said: str | None
) -> tuple[str, list[str]]:
    """Choose among dialects that have the same arrays; gives the evidence too."""
    if said in found.dialects:
        return str(said), []
    if len(found.dialects) == 1:
        return found.dialects[0], [f"No other dialect than {found.dialects[0]} has such arrays."]
    same = names_in_words(found.dialects)
    named = _DIALECT_OF.get(convention or "")
    if named in found.dialects:
        return str(named), [f"Dialects with the same arrays: {same}; {named} by its names."]
    for dialect in found.dialects:
        own = dict(DIALECTS[dialect].defaults).get("classes")
        if own is not None and own == head.classes:
            return dialect, [f"Dialects with the same arrays: {same}; {dialect} has {own} classes."]
    return found.dialects[0], [
        f"Dialects with the same arrays: {same}; they differ in activation, padding or training."
    ]


def _head_in_words(head: Head) -> str:
    if not head.arrays:
        return "without top"
    if head.top and head.classes is not None:
        return plural(head.classes, "class")
    if not head.is_head:
        return f"{head.arrays.total()} arrays besides"
    return "a head of its own" + (f" of {plural(head.classes, 'class')}" if head.classes else "")


def _of_one(found: Body) -> Arrays:
    """Divide what is besides several copies of a body, where each has its own."""
    if any(count % found.copies for count in found.besides.values()):
        return found.besides
    return Counter({shape: n // found.copies for shape, n in found.besides.items()})


def _body_in_words(found: Body, arrays: int) -> str:
    """Say what of a file's arrays is the body, and what is not."""
    name = found.spec.name
    said = f"All {found.arrays.total()} arrays of {name} without top are there"
    if found.folded:
        said += ", its batch norms folded"
    if found.copies > 1:
        said += f", {found.copies} times"
    if not found.besides:
        return f"{said}, and no other."
    shapes = [dimensions(shape) for shape in sorted(found.besides, key=len, reverse=True)]
    return f"{said}; besides them {names_in_words(shapes)} ({arrays} in all)."


def _other(
    arrays: Arrays, near: Near | None, convention: str | None, config: Configured | None
) -> Identity:
    """Say what a file is that has no ResNet-RS."""
    evidence = [] if config is None else [config.evidence]
    if near is None or near.alike < _LEAST_ALIKE:
        most = "" if near is None else f"; most alike: {near.names[0]}, {percent(near.alike)}"
        evidence.append(f"No known network has such arrays{most}.")
        return Identity(None, "none", tuple(evidence), convention)
    names = names_in_words(near.names)
    missing, besides = near.body - arrays, arrays - near.body
    head: Head | None = None
    if not missing:
        evidence.append(f"All {near.body.total()} arrays of {names} without top are there.")
        head = _other_head(besides)
    else:
        shapes = names_in_words([dimensions(shape) for shape in missing])
        evidence.append(
            f"{percent(near.alike)} of the arrays are those of {names}; "
            f"{missing.total()} of its own are not there ({shapes}), {besides.total()} others are."
        )
    sure: Confidence = "low" if missing else "high" if head and head.is_head else "medium"
    if near.spec is not None:
        spec, dialect = near.spec, near.spec.dialect.name
        return Identity(
            _architecture(spec), sure, tuple(evidence), convention, spec, (dialect,), head
        )
    return Identity(near.names[0], sure, tuple(evidence), convention, head=head, names=near.names)


def _other_head(besides: Arrays) -> Head:
    """Read what there is besides the body of another network."""
    dense = [shape for shape in besides if len(shape) == 2]
    classes = dense[0][1] if len(dense) == 1 else None
    top = classes is not None and besides == {dense[0]: 1, (classes,): 1}
    return Head(top, classes, besides, besides.total() <= HEAD_ARRAYS)
