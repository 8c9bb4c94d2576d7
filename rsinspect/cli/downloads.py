"""A download while it comes: a bar on a terminal's stderr."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rsinspect.cli.talk import console


@contextmanager
def download(name: str) -> Iterator[Callable[[int, int | None], object]]:
    """Show a bar for a download, which may not come to be.

    Args:
        name: What is downloaded.

    Yields:
        What is told how far it is: bytes that have come, and of the whole.
    """
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(binary_units=True),
        TimeRemainingColumn(),
    )  # fmt: skip
    talk = console()
    with Progress(*columns, console=talk, disable=not talk.is_terminal) as progress:
        task = progress.add_task(name, visible=False, total=None)
        yield lambda came, size: progress.update(task, completed=came, total=size, visible=True)
