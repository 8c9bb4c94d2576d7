"""Networks of ``keras.applications`` as Keras makes them, kept on this machine.

Keras makes each once (``keras_process``), which takes seconds; what it says of the network, its
configuration, is kept as a file of JSON. A later call reads that file as it reads any other
configuration, so no change of the reader makes a file stale; its name has all that the
configuration depends on. A file that is damaged is made again, and a folder that cannot be written
is done without.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rsinspect.base.errors import GraphError, OutputNotWritable
from rsinspect.base.files import write_whole
from rsinspect.base.talk import say
from rsinspect.base.units import dimensions, typed
from rsinspect.base.words import plural
from rsinspect.networks.applications import Application

if TYPE_CHECKING:
    from rsinspect.networks.network import Network

CACHE_VARIABLE = "RSINSPECT_CACHE"
"""Environment variable with the folder to keep files in, in place of one in Keras's own."""

MOST_BYTES = 2**26


def application_network(application: Application) -> Network:
    """Make a network of ``keras.applications``.

    Raises:
        BackendUnavailable: If it is not kept, and Keras or its backend is not here.
        ModelBuildError: If Keras does not make it.
    """
    return application_networks([application])[0]


def application_networks(asked: Sequence[Application]) -> tuple[Network, ...]:
    """Make several networks of ``keras.applications``; Keras is started once for all of them.

    Raises:
        BackendUnavailable: If one is not kept, and Keras or its backend is not here.
        ModelBuildError: If Keras does not make one of them.
    """
    folder, version = cache_folder(), keras_version()
    found = {each: _kept(folder / file_name(each, version), each) for each in asked}
    if missing := [each for each, network in found.items() if network is None]:
        found |= _made(missing, folder, version)
    return tuple(network for each in asked if (network := found[each]) is not None)


def cache_folder() -> Path:
    """Locate the folder that files are kept in."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(os.path.expanduser(chosen)) if chosen else keras_home() / "rsinspect"  # noqa: PTH111


def keras_home() -> Path:
    """Locate Keras's own folder: ``$KERAS_HOME``, else ``~/.keras``."""
    path = os.environ.get("KERAS_HOME") or "~/.keras"
    return Path(os.path.expanduser(path))  # noqa: PTH111  # leaves the ~ of nobody, as Keras does


def keras_version() -> str | None:
    """Read the version of the Keras that is installed, without importing it; None for none.

    The folder of a package's metadata has it in its name; ``importlib.metadata``, which finds it
    however Keras was installed, takes a hundred times as long.
    """
    for place in sys.path:
        try:
            names = os.listdir(place or ".")  # noqa: PTH208  # names alone
        except OSError:
            continue
        for name in names:
            if found := re.fullmatch(r"keras-([\w.+!]+)\.dist-info", name):
                return found[1]
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("keras")
    except PackageNotFoundError:
        return None


def file_name(application: Application, version: str | None) -> str:
    """Name the file of a network: by all that its configuration depends on.

    >>> file_name(Application("VGG16", (224, 192), (("classes", 10),)), "3.15.1")
    'VGG16-224x192-classes-10-keras-3.15.1.json'
    """
    arguments = [part for key, value in application.arguments for part in (key, str(value))]
    size = typed(dimensions(application.resolution))
    return f"{'-'.join((application.name, size, *arguments))}-keras-{version}.json"


def _kept(path: Path, application: Application) -> Network | None:
    """Read a network that is kept; None where there is none, or no whole one."""
    from rsinspect.base.codec import Damaged, from_text
    from rsinspect.base.sources import Unreadable, content_of

    try:
        network = _network(application, from_text(content_of(path, MOST_BYTES)))
    except (Unreadable, Damaged, GraphError):
        return None
    return network if network.resolution == application.resolution else None


def _network(application: Application, config: object) -> Network:
    from rsinspect.networks.keras_config import from_keras_config

    return replace(from_keras_config(config), title=application.title)


def _made(
    asked: Sequence[Application], folder: Path, version: str | None
) -> dict[Application, Network]:
    """Have Keras make networks, keep what it says of them and tell how far it is."""
    from rsinspect.networks.keras_process import applications

    one = f"{asked[0].name} at {dimensions(asked[0].resolution)}"
    what = one if len(asked) == 1 else plural(len(asked), "network")
    say(f"Keras builds {what}, once: it takes some seconds and is kept in {folder}")
    made: dict[Application, Network] = {}
    complaints: list[str] = []

    def keep(application: Application, config: Mapping[str, Any]) -> None:
        made[application] = _network(application, config)
        if len(asked) > 1:
            say(f"{len(made)} of {len(asked)}: {application.title}")
        try:
            _write(folder / file_name(application, version), json.dumps(config).encode())
        except OutputNotWritable as exc:
            complaints.append(f"not kept: {exc.message}")

    applications(asked, keep)
    for complaint in complaints[:1]:
        say(complaint)
    return made


def _write(path: Path, content: bytes) -> None:
    """Write a file into a folder that may not be there yet.

    Raises:
        OutputNotWritable: If that cannot be.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise OutputNotWritable(f"{path.parent} cannot be made: {exc.strerror or exc}") from exc
    write_whole(path, content)
