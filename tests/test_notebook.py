"""The notebook of the documentation runs, and every answer in it shows itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[1] / "docs" / "tour.ipynb"


@pytest.fixture(scope="module")
def cells() -> list[Any]:
    """The notebook's cells of code, executed by a real kernel."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=800, startup_timeout=800, kernel_name="python3").execute(
        cwd=str(NOTEBOOK.parent)
    )
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell: Any) -> dict[str, str]:
    """What a cell shows, by MIME type."""
    return next((dict(out.data) for out in cell.outputs if "data" in out), {})


@pytest.mark.keras
@pytest.mark.slow
def test_every_answer_shows_itself(cells: list[Any]) -> None:
    kinds = [set(shown(cell)) for cell in cells]
    table, plot = {"text/html", "text/plain"}, {"image/svg+xml", "text/plain"}
    picture = table | plot
    sentence = {"text/plain"}
    assert kinds == [
        table, picture, sentence, picture, sentence, table, plot, sentence, table, plot,
        picture, table,
    ]  # fmt: skip
    assert not any(output.output_type == "error" for cell in cells for output in cell.outputs)


def test_the_notebook_is_kept_without_outputs() -> None:
    import nbformat

    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    assert not any(cell.get("outputs") for cell in notebook.cells)
