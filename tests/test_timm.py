"""Costs against what timm publishes; ``test_keras_census`` does the same for every network."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from rsinspect.networks.keras_config import from_keras_config
from tests.timm import PUBLISHED, check

DATA = Path(__file__).parent / "data"
NAMES = sorted(PUBLISHED.keys() & {path.name.partition(".")[0] for path in DATA.glob("*.json.gz")})


def test_there_are_networks_of_many_kinds() -> None:
    assert len(PUBLISHED) >= 36
    assert {"VGG16", "DenseNet121", "InceptionV3", "Xception", "ConvNeXtTiny"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_params_gmacs_and_activations_are_those_that_timm_prints(name: str) -> None:
    config = json.loads(gzip.decompress((DATA / f"{name}.json.gz").read_bytes()))
    size = PUBLISHED[name].size
    check(from_keras_config(config, resolution=(size, size)), PUBLISHED[name])
