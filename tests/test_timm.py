"""Costs against what timm publishes; ``test_keras_census`` does the same for every network."""

from __future__ import annotations

import pytest

from tests.networks import SAVED, saved
from tests.timm import PUBLISHED, check

NAMES = sorted(PUBLISHED.keys() & {*SAVED})


def test_there_are_networks_of_many_kinds() -> None:
    assert len(PUBLISHED) >= 36
    assert {"VGG16", "DenseNet121", "InceptionV3", "Xception", "ConvNeXtTiny"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_params_gmacs_and_activations_are_those_that_timm_prints(name: str) -> None:
    size = PUBLISHED[name].size
    check(saved(name, (size, size)), PUBLISHED[name])
