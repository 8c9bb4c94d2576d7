"""Files for other runtimes, from a notebook."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rsinspect.api.measuring import Given, with_own_weights
from rsinspect.api.networks import Model
from rsinspect.api.results import TableResult


class ExportResult(TableResult):
    """Files for other runtimes, each opened there and compared."""

    @property
    def paths(self) -> list[Path]:
        """List the files."""
        return [Path(str(row["path"])) for row in self.rows]


def export(
    model: Model,
    output: str | Path | Sequence[str | Path],
    *,
    weights: str | Path | None = None,
    fold_batch_norm: bool = False,
    precision: str = "float32",
    batch: int | None = None,
    image: str | Path | None = None,
    backend: str | None = None,
    seed: int = 0,
    on_event: Callable[[str], object] = lambda _: None,
) -> ExportResult:
    """Write a network for other runtimes, open each file there, and compare it with Keras.

    The network is built afresh in a process of its own. A file that does not agree is not kept.

    Args:
        model: As in ``network``; with its weights where it is a live model or a file that has them.
        output: Where to; suffixes name formats: ``.keras``, ``.weights.h5``, ``.savedmodel`` (a
            folder), ``.onnx``, ``.tflite``, ``.xml`` (OpenVINO) and ``.pt2`` (PyTorch).
        weights: ``imagenet``, or the path of a weight file; the model's own, or fresh, by default.
        fold_batch_norm: Whether batch norms become part of the layers beside them, where that is
            exact.
        precision: ``float32``, ``float16``, ``bfloat16`` or ``int8``, of the weights.
        batch: Images that the files take at a time; any number by default.
        image: A photograph to compare on; one that matplotlib brings by default.
        backend: Of Keras, that makes the files; what suits each by default.
        seed: Of fresh weights and random images.
        on_event: Called with what is being done.

    Raises:
        ExportError: If a file cannot be made or opened, or does not agree.
        RsInspectError: If that cannot be exported here; the message says why.

    >>> import rsinspect
    >>> rsinspect.export("50", "rs50.onnx", weights="imagenet")  # doctest: +SKIP
    """
    from rsinspect.exports.answer import export_answer
    from rsinspect.exports.parent import export as make
    from rsinspect.exports.parent import refuse
    from rsinspect.exports.request import ExportRequest
    from rsinspect.weights.chosen import LIVE, weights_for

    outputs = [output] if isinstance(output, str | Path) else output
    with _given(model, keeps_weights=weights is None) as (network, own, save):
        request = ExportRequest(
            network=network,
            outputs=tuple(map(Path, outputs)),
            fold_batch_norm=fold_batch_norm,
            precision=precision,
            batch=batch,
            image=None if image is None else Path(image),
            backend=backend,
            seed=seed,
        )
        if weights is not None:
            request = replace(request, weights=weights_for(network, str(weights)))
        elif own is not None:
            request = replace(request, weights=LIVE._replace(path=Path(own.path)))
        save()
        exported = make(request, on_event=on_event)
    refuse(exported)
    return ExportResult(export_answer(exported))


@contextmanager
def _given(model: Model, *, keeps_weights: bool) -> Iterator[Given]:
    """Make the network of whatever is given, with the weights that it has.

    Args:
        model: As in ``network``.
        keeps_weights: Whether those that code makes are wanted.
    """
    from rsinspect.networks.keras_process import with_weights
    from rsinspect.networks.named import code_of
    from rsinspect.profiling.request import OwnWeights

    code = code_of(model) if isinstance(model, str) and keeps_weights else None
    if code is not None:
        with with_weights(code) as made:
            yield made, OwnWeights.of(made), lambda: None
        return
    with with_own_weights(model) as given:
        yield given
