"""rsinspect: choose, understand, draw, measure and use ResNet-RS and any other Keras network.

    >>> import rsinspect
    >>> rsinspect.diff("152", "200").conclusion.partition(",")[0]
    'ResNet-RS-152 -> ResNet-RS-200: +16 identical blocks in c3'

Every function takes a network as text (``"152@224"``), as a ``Network`` or as a live
``keras.Model``; what it gives shows itself in a notebook and in a terminal, and has ``save``.
Importing the package loads no framework: the Keras models load on first use.
"""

TYPE_CHECKING = False  # nothing is imported here: ``python -m`` would find it in any folder first

__version__ = "0.1.0"

if TYPE_CHECKING:
    from typing import Any

    from rsinspect.api.bounds import check as check
    from rsinspect.api.choosing import choose as choose
    from rsinspect.api.comparing import compare as compare
    from rsinspect.api.estimating import estimate as estimate
    from rsinspect.api.exporting import export as export
    from rsinspect.api.functions import diff as diff
    from rsinspect.api.functions import graph as graph
    from rsinspect.api.functions import scale as scale
    from rsinspect.api.functions import summary as summary
    from rsinspect.api.functions import table as table
    from rsinspect.api.functions import variants as variants
    from rsinspect.api.measuring import fastest as fastest
    from rsinspect.api.measuring import load_run as load_run
    from rsinspect.api.measuring import profile as profile
    from rsinspect.api.networks import network as network
    from rsinspect.api.predicting import predict as predict
    from rsinspect.api.recipes import recipe as recipe
    from rsinspect.api.reporting import report as report
    from rsinspect.api.runs import load_runs as load_runs
    from rsinspect.api.sweeping import sweep as sweep
    from rsinspect.api.weighing import pareto as pareto
    from rsinspect.api.weights import convert_weights as convert_weights
    from rsinspect.api.weights import diff_weights as diff_weights
    from rsinspect.api.weights import inspect_weights as inspect_weights
    from rsinspect.api.weights import verify_weights as verify_weights
    from rsinspect.base.errors import FoldingWarning as FoldingWarning
    from rsinspect.base.errors import RsInspectError as RsInspectError
    from rsinspect.base.errors import WeightsWarning as WeightsWarning
    from rsinspect.keras_model.applications import ResNetRS as ResNetRS
    from rsinspect.keras_model.applications import ResNetRS50 as ResNetRS50
    from rsinspect.keras_model.applications import ResNetRS101 as ResNetRS101
    from rsinspect.keras_model.applications import ResNetRS152 as ResNetRS152
    from rsinspect.keras_model.applications import ResNetRS200 as ResNetRS200
    from rsinspect.keras_model.applications import ResNetRS270 as ResNetRS270
    from rsinspect.keras_model.applications import ResNetRS350 as ResNetRS350
    from rsinspect.keras_model.applications import ResNetRS420 as ResNetRS420
    from rsinspect.keras_model.applications import decode_predictions as decode_predictions
    from rsinspect.keras_model.applications import preprocess_input as preprocess_input
    from rsinspect.keras_model.fold_batch_norm import fold_batch_norm as fold_batch_norm
    from rsinspect.keras_model.fuse_batch_norm import fuse_batch_norm as fuse_batch_norm
    from rsinspect.networks.network import Network as Network

__all__ = [
    "FoldingWarning",
    "Network",
    "ResNetRS",
    "ResNetRS50",
    "ResNetRS101",
    "ResNetRS152",
    "ResNetRS200",
    "ResNetRS270",
    "ResNetRS350",
    "ResNetRS420",
    "RsInspectError",
    "WeightsWarning",
    "__version__",
    "check",
    "choose",
    "compare",
    "convert_weights",
    "decode_predictions",
    "diff",
    "diff_weights",
    "estimate",
    "export",
    "fastest",
    "fold_batch_norm",
    "fuse_batch_norm",
    "graph",
    "inspect_weights",
    "load_run",
    "load_runs",
    "network",
    "pareto",
    "predict",
    "preprocess_input",
    "profile",
    "recipe",
    "report",
    "scale",
    "summary",
    "sweep",
    "table",
    "variants",
    "verify_weights",
]

_HOMES = {
    "FoldingWarning": "rsinspect.base.errors",
    "Network": "rsinspect.networks.network",
    "RsInspectError": "rsinspect.base.errors",
    "WeightsWarning": "rsinspect.base.errors",
    "check": "rsinspect.api.bounds",
    "choose": "rsinspect.api.choosing",
    "compare": "rsinspect.api.comparing",
    "convert_weights": "rsinspect.api.weights",
    "diff": "rsinspect.api.functions",
    "diff_weights": "rsinspect.api.weights",
    "estimate": "rsinspect.api.estimating",
    "export": "rsinspect.api.exporting",
    "fold_batch_norm": "rsinspect.keras_model.fold_batch_norm",
    "fuse_batch_norm": "rsinspect.keras_model.fuse_batch_norm",
    "graph": "rsinspect.api.functions",
    "fastest": "rsinspect.api.measuring",
    "inspect_weights": "rsinspect.api.weights",
    "load_run": "rsinspect.api.measuring",
    "load_runs": "rsinspect.api.runs",
    "network": "rsinspect.api.networks",
    "pareto": "rsinspect.api.weighing",
    "predict": "rsinspect.api.predicting",
    "profile": "rsinspect.api.measuring",
    "recipe": "rsinspect.api.recipes",
    "report": "rsinspect.api.reporting",
    "scale": "rsinspect.api.functions",
    "summary": "rsinspect.api.functions",
    "sweep": "rsinspect.api.sweeping",
    "table": "rsinspect.api.functions",
    "variants": "rsinspect.api.functions",
    "verify_weights": "rsinspect.api.weights",
}
"""Where a name lives; those not named here are Keras models and what belongs to them."""


def __getattr__(name: str) -> "Any":
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(
        importlib.import_module(_HOMES.get(name, "rsinspect.keras_model.applications")), name
    )


def __dir__() -> list[str]:
    return list(__all__)
