"""Networks by name, many at once."""

from __future__ import annotations

from collections.abc import Sequence

from rsinspect.networks.applications import Application, named_in
from rsinspect.networks.keras_cache import application_networks
from rsinspect.networks.named import network
from rsinspect.networks.network import Network


def networks_of(names: Sequence[str]) -> tuple[Network, ...]:
    """Make networks by name; Keras is started once for all of its own that are not kept.

    Raises:
        SpecError: If a name is no network.
        BackendUnavailable: If Keras has to say what one consists of, and is not here.
    """
    asked: dict[str, Application] = {
        name: found.application() for name in names if (found := named_in(name)) is not None
    }
    made = dict(zip(asked, application_networks(list(asked.values())), strict=True))
    return tuple(made[name] if name in made else network(name) for name in names)
