"""What a page is about: a network, and what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rsinspect.base.errors import InvalidMeasurement, InvalidQuestion, InvalidSpec, WeightsError
from rsinspect.base.text import LONGEST_NAME, showable
from rsinspect.base.words import Option, advice, names_in_words, quoted
from rsinspect.networks.network import Network
from rsinspect.pages.choices import MOST_SUBJECTS
from rsinspect.profiling.record.run import ProfileRun
from rsinspect.weights.layer_weights import LayerWeights, layer_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A network and what is known of it.

    Attributes:
        text: MODEL as it was written, or what the network is called.
        network: The network.
        key: What the parts of a page about it are called: ``a``, ``b`` in the order of the page.
        runs: Measurements of it, the one to show first.
        weights: What its weights in a file are like.
        remarks: What else a reader should know of it, a sentence each.
    """

    text: str
    network: Network
    key: str = "a"
    runs: tuple[ProfileRun, ...] = field(default=(), repr=False)
    weights: LayerWeights | None = field(default=None, repr=False)
    remarks: tuple[str, ...] = ()


def subjects_of(
    networks: Sequence[tuple[str, Network]],
    runs: Sequence[tuple[str, ProfileRun]] = (),
    weights: Sequence[Path] = (),
) -> tuple[Subject, ...]:
    """Put runs and weights to the networks that they are of.

    Weights that a network's own file has are looked at where none are given for it.

    Args:
        networks: With the text of each. Where there are none, the runs say what they are about.
        runs: With what each was called.
        weights: Files of any format.

    Raises:
        InvalidQuestion: If there are too many networks.
        InvalidSpec: If there is neither a network nor a run.
        InvalidMeasurement: If a run is of none of the networks, or does not know its own.
        WeightsError: If a file is damaged, or of none of the networks.
    """
    named = list(networks) or _measured(runs)
    if not named:
        raise InvalidSpec(
            "no network named", advice("give a depth, 50 to 420, or {}", Option("runs"))
        )
    if len(named) > MOST_SUBJECTS:
        raise InvalidQuestion(
            f"a page shows {MOST_SUBJECTS} networks at most; these are {len(named)}",
            advice("a page for each of them: {}", Option("gallery")),
        )
    found = [
        Subject(text=showable(text, LONGEST_NAME), network=network, key=key)
        for key, (text, network) in zip("abcd", named, strict=False)
    ]
    for called, run in runs:
        place = _place_of(called, run, found)
        found[place] = replace(found[place], runs=(*found[place].runs, run))
    for path in weights:
        place = _best_fit(path, found)
        looked = layer_weights(path, found[place].network)
        found[place] = replace(found[place], weights=looked)
    return tuple(each if each.weights is not None else _with_own_weights(each) for each in found)


def _measured(runs: Sequence[tuple[str, ProfileRun]]) -> list[tuple[str, Network]]:
    """List the networks that runs are of, each once."""
    found: list[tuple[str, Network]] = []
    for called, run in runs:
        if run.network is None:
            raise InvalidMeasurement(
                f"{quoted(called)} does not hold the network that it is of, as an early rsinspect "
                "wrote it",
                f"name the network too: {run.title}",
            )
        if not any(is_of(run, network) for _, network in found):
            found.append((run.title, run.network))
    return found


def is_of(run: ProfileRun, network: Network) -> bool:
    """Tell whether a run is a measurement of a network."""
    try:
        run.check_model(network)
    except InvalidMeasurement:
        return False
    return True


def _place_of(called: str, run: ProfileRun, subjects: Sequence[Subject]) -> int:
    """Find the network that a run is of: of several that are alike the one with fewest runs."""
    places = [place for place, each in enumerate(subjects) if is_of(run, each.network)]
    if places:
        return min(places, key=lambda place: len(subjects[place].runs))
    if len(subjects) == 1:
        run.check_model(subjects[0].network)
    titles = names_in_words([each.network.title for each in subjects])
    raise InvalidMeasurement(
        f"{quoted(called)} is a run of {run.title}; the networks here are {titles}",
        "name the network that was measured",
    )


def _best_fit(path: Path, subjects: Sequence[Subject]) -> int:
    """Find the network that has most weights in a file, of equals the first without weights."""
    if len(subjects) == 1:
        return 0
    from rsinspect.checkpoints.tensor_file import tensor_file
    from rsinspect.weights.placement import placed

    fits = []
    with tensor_file(path) as file:
        for place, subject in enumerate(subjects):
            placement = placed(file, subject.network)
            strange = len(placement.extra) + len(placement.weights) - placement.found
            fits.append((strange, subject.weights is not None, place))
    return min(fits)[-1]


def _with_own_weights(subject: Subject) -> Subject:
    """Look at the weights in the file that a network was read from, where it has any."""
    network = subject.network
    if network.weights is None or network.folding is not None:
        return subject
    try:
        return replace(subject, weights=layer_weights(network.weights, network))
    except WeightsError as exc:
        remark = f"The weights in its file cannot be looked at: {exc.message}."
        return replace(subject, remarks=(*subject.remarks, remark))
