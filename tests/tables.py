"""Commands whose answers are tables, for tests of what every table has."""

from tests.conftest import GOLDENS

COMMANDS = (
    *(f"summary {depth} --level {level}" for depth in (50, 420) for level in ("stage", "block")),
    "summary 101 --level layer",
    "summary 101 --columns all",
    "summary 50 --explain c4/block0/conv2 --explain c4",
    "variants --all",
    "diff 152 200",
    "diff 50:resnet 101",
    "diff 200:resnet 200:resnet+se 200",
    *(f"table {number}" for number in range(1, 13)),
    "figure 2",
    "figure 3",
    "recipe 350@256",
    "scale --pareto",
    "scale --advise --epochs 120",
    f"profile --from {GOLDENS / 'run-50-train.json'}",
    "doctor",
)
