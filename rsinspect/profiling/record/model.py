"""Which network a run is of, and what tells it from another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from rsinspect.base import codec
from rsinspect.base.quantities import Blocks, Name, Positive, Ratio, Share, Side
from rsinspect.base.units import dimensions
from rsinspect.networks.dialects import DIALECTS, written_name
from rsinspect.networks.network import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """The ResNet-RS that a network from elsewhere is by its wiring: ``Recognition.document()``.

    Attributes:
        name: Of the variant or its layout.
        dialect: Name of the dialect.
        departs_at: Path of the first layer that differs; None where none does.
        departs_in: The part it is in.
        frozen: What is not trained.
        batch_norm_folded: Whether its batch norms are folded away.
    """

    name: Name
    dialect: Name
    departs_at: Name | None
    departs_in: Name | None
    frozen: tuple[Name, ...]
    batch_norm_folded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The network that was measured: ``Network.document()`` as a record.

    What only a ResNet-RS has is None for another network. All but the first five are None in files
    that were written before they joined.

    Attributes:
        name: Of the variant, of its layout, or of the graph.
        depth: Of the variant.
        blocks: Blocks per stage.
        resolution: Height and width.
        dialect: Name of the dialect.
        width: Factor of all widths.
        channels: Of the image.
        classes: Of the classifier.
        filters: Of the blocks of each stage.
        se_ratio: Of squeeze-and-excitation; 0 for none.
        activation: Of the blocks.
        classifier_activation: Of the classifier.
        include_top: Whether there is a classifier.
        pooling: Without a classifier.
        preprocessing: Whether the network scales and normalises its image.
        drop_path_rate: Of the last block.
        dropout_rate: Before the classifier.
        bn_momentum: Of batch normalisation.
        bn_epsilon: Of batch normalisation.
        source: ``spec`` or ``graph``.
        fingerprint: What it is, whatever it is called.
        recognised: What a network from elsewhere is, where it is known.
    """

    name: Name
    depth: Positive | None
    blocks: Blocks | None
    resolution: tuple[Side, Side] | None
    dialect: Name | None
    width: Ratio | None = None
    channels: Side | None = None
    classes: Side | None = None
    filters: tuple[Side, ...] | None = None
    se_ratio: Share | None = None
    activation: Name | None = None
    classifier_activation: Name | None = None
    include_top: bool | None = None
    pooling: Name | None = None
    preprocessing: bool | None = None
    drop_path_rate: Share | None = None
    dropout_rate: Share | None = None
    bn_momentum: Share | None = None
    bn_epsilon: Ratio | None = None
    source: Name | None = None
    fingerprint: Name | None = None
    recognised: Recognised | None = None

    @classmethod
    def of(cls, network: Network) -> Model:
        """Identify a network."""
        return codec.from_json(network.document(), cls, "model")

    @property
    def size(self) -> str:
        """Write height x width; empty where the network takes no single image."""
        return dimensions(self.resolution or ())

    @property
    def title(self) -> str:
        """Name it for people, with its image size: ``ResNet-RS-101 @ 192×192``."""
        name = self.name
        if self.dialect in DIALECTS and self.blocks is not None:
            dialect = DIALECTS[self.dialect]
            name = written_name(dialect, self.depth, self.blocks, self.width or 1.0)
        return f"{name} @ {self.size}" if self.resolution else name

    def differences(self, network: Network) -> Iterator[str]:
        """List differences from ``network``, such as "its resolution is 160×160, not 192×192".

        What this record does not know is left out; files of before know its first five fields.
        """
        wanted = Model.of(network)
        for what, measured, asked in (
            ("model", self.name, wanted.name),
            ("resolution", self.size, wanted.size),
            *(
                (name.replace("se_", "SE ").replace("bn_", "BN ").replace("_", " "),
                 getattr(self, name), getattr(wanted, name))
                for name in (field.name for field in fields(self))
                if name not in _NO_DIFFERENCE
                and (getattr(self, name) is not None or self.fingerprint is not None)
            ),
        ):  # fmt: skip
            if measured != asked:
                yield f"its {what} is {_shown(measured)}, not {_shown(asked)}"


_NO_DIFFERENCE = ("name", "resolution", "depth", "source", "fingerprint", "recognised")
"""What is said apart from other differences, or follows from them."""


def _shown(value: object) -> str:
    return "none" if value is None else str(value)
