"""Where cells are carried out, and what is asked of whom."""

from __future__ import annotations

import pytest

from rsinspect.base.errors import InvalidMeasurement
from rsinspect.sweeps.local_executor import LocalExecutor
from rsinspect.sweeps.site import ANYWHERE, Site


def test_it_is_this_machine_unless_a_cluster_is_named() -> None:
    with Site().ready(print) as (executor, places):
        assert isinstance(executor, LocalExecutor)
        assert places == ANYWHERE


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"per_node": True}, "is about the nodes of a cluster, and none is named"),
        ({"labels": ("a=b",)}, "is about the nodes of a cluster, and none is named"),
        ({"ray": "auto", "labels": ("ab",)}, "'ab' is no label of a node"),
        ({"ray": "auto", "labels": ("=b",)}, "is no label of a node"),
    ],
)
def test_nodes_are_those_of_a_cluster(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidMeasurement, match=says):
        Site(**wrong)  # type: ignore[arg-type]


def test_a_sweep_of_nodes_does_not_go_on_elsewhere() -> None:
    with (
        pytest.raises(InvalidMeasurement, match="the sweep is of the nodes of a cluster"),
        Site().ready(print, kept=("a", "b")),
    ):
        pass
