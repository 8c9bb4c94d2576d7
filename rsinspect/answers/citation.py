"""How to cite the paper and this tool."""

from typing import Any

import rsinspect
from rsinspect import paper

SCHEMA = "rsinspect.citation/1"
_ABOUT = "choose, understand, draw, measure and use ResNet-RS and any other Keras network"


def citations() -> dict[str, Any]:
    """Give the JSON document: an entry for the paper, then one for the tool, null where unknown."""
    tool = {
        "source": "this tool",
        "kind": "misc",
        "key": "rsinspect",
        "title": f"rsinspect: {_ABOUT}",
        "authors": [["", "The rsinspect authors"]],
        "booktitle": None,
        "volume": None,
        "year": None,
        "arxiv": None,
        "version": rsinspect.__version__,
    }
    return {"schema": SCHEMA, "entries": [paper.citation() | {"version": None}, tool]}
