"""Lengths of time as people write them."""

import pytest

from rsinspect.base.amounts import seconds_of
from rsinspect.base.errors import InvalidQuestion
from tests.conftest import Cli


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("200ms", 0.2), ("250 us", 250e-6), ("250µs", 250e-6), ("1e-3", 1e-3), (".5s", 0.5),
     ("90", 90.0), ("30min", 1800.0), ("2h", 7200.0), ("30d", 2_592_000.0), (3, 3.0)],
)  # fmt: skip
def test_a_length_of_time_is_read_in_seconds(text: object, seconds: float) -> None:
    assert seconds_of(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    ["", "ms", "20 parsecs", "-1s", "0", "1e99", "nan", "1h30", True, None, float("nan"), "9" * 70],
)
def test_anything_else_is_refused_in_a_line(text: object) -> None:
    with pytest.raises(InvalidQuestion) as refusal:
        seconds_of(text)
    assert "\n" not in refusal.value.message
    assert refusal.value.hint is not None


@pytest.mark.parametrize(
    "line", ["profile 50", "compare 50 101", "choose --max-latency 1s", "pareto --measure"]
)
def test_the_time_of_a_measurement_is_written_as_any_other(cli: Cli, line: str) -> None:
    refused = cli(*line.split(), "--max-time", "soon")
    assert refused.code == 2
    assert "'soon' is not a length of time" in refused.err
    understood = cli(*line.split(), "--max-time", "2m", "--backend", "none")
    assert understood.code == 2
    assert "unknown backend 'none'" in understood.err
