"""Scene to text for terminals and ``.txt`` files: boxes, and paths as lanes.

A picture runs down the page whatever the scene's direction; a terminal has a width and no end.
Closed stages and blocks are boxes, open ones have a bracket at their left. The paths between
layers are lanes, drawn as ``git log --graph`` draws branches: a shortcut or an SE gate leaves its
lane with its name beside it and joins again where it is added or multiplied. Text is wrapped, never
cut off.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

from rsinspect.base.cells import column_widths, folded
from rsinspect.drawing.lanes import Diagram
from rsinspect.drawing.letters import BAR_WIDTH, STYLES, Glyphs, Letters, breadth, on_heat
from rsinspect.drawing.scene import Grid, Legend, Panel, Scene

if TYPE_CHECKING:
    from rich.text import Text

MIN_WIDTH = 40
COLUMN_GAP = 2


def terminal(
    scene: Scene, *, width: int = 80, colour: bool = True, ascii_only: bool = False
) -> str:
    """Write the scene as text.

    Args:
        scene: What to show; edges between the nodes that are shown, not a deep one.
        width: Columns of the page; 40 at the least.
        colour: With terminal escape codes; without, plain text.
        ascii_only: Nothing but ASCII.
    """
    from rich.console import Console
    from rich.text import Text

    width = max(width, MIN_WIDTH)
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
        no_color=not colour,
        highlight=False,
        legacy_windows=False,
        force_jupyter=False,  # Rich would show it there, and not write it to the file
        _environ={},
    )
    page = _Page(console, Glyphs(ascii_only))
    lines = [*page.wrap(page.text(scene.title, "bold"), width), Text()]
    lines += page.panels(scene.panels, width)
    if scene.legend is not None:
        lines += [Text(), *page.wrap(page.legend(scene.legend), width)]
    lines += [Text(), *page.wrap(page.text(scene.caption, "dim"), width)]
    for line in lines:
        line.rstrip()
        console.print(line, no_wrap=True, overflow="ignore", crop=False)
    return file.getvalue()


class _Page(Letters):
    """The panels, tables and legend of a page."""

    def panels(self, panels: tuple[Panel, ...], width: int) -> list[Text]:
        """Lay panels side by side as far as they fit, then below each other."""
        gap = 4
        rows: list[list[list[Text]]] = []
        room = 0
        for panel in panels:
            drawn = self.panel(panel, width)
            wide = breadth(drawn)
            if not rows or wide + gap > room:
                rows.append([])
                room = width + gap
            rows[-1].append(drawn)
            room -= wide + gap
        lines: list[Text] = []
        for row in rows:
            lines += [self.text()] * bool(lines) + self._beside(row, gap)
        return lines

    def _beside(self, blocks: list[list[Text]], gap: int) -> list[Text]:
        lines = [self.text() for _ in range(max(map(len, blocks)))]
        column = 0
        for block in blocks:
            for line, part in zip(lines, block, strict=False):
                line.append(" " * (column - line.cell_len))
                line.append_text(part)
            column += breadth(block) + gap
        return lines

    def panel(self, panel: Panel, width: int) -> list[Text]:
        title = self.wrap(self.text(panel.title, "bold underline"), width) if panel.title else []
        if panel.grid is None:
            return title + Diagram(self, panel).lines(width)
        cells = self.cells(panel.grid)
        if (widths := column_widths(cells, width, COLUMN_GAP)) is None:
            return title + self.stacked(panel.grid, width)
        return title + self.table(panel.grid, cells, widths)

    def cells(self, grid: Grid) -> list[list[list[str]]]:
        """List the lines of each cell: the heads, then the rows, with heat as the last column."""
        rows = [[[head] for head in grid.heads]]
        rows += [[list(cell) for cell in row.cells] for row in grid.rows]
        if any(row.heat for row in grid.rows):
            rows[0].append([])
            for cells, row in zip(rows[1:], grid.rows, strict=True):
                cells.append([row.heat.text] if row.heat else [])
        return [[list(map(self.glyphs.words, cell)) for cell in cells] for cells in rows]

    def table(self, grid: Grid, cells: list[list[list[str]]], widths: list[int]) -> list[Text]:
        """Draw a grid as a table."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(
            box=box.ASCII2 if self.glyphs.ascii else box.SIMPLE_HEAD,
            header_style="bold",
            show_edge=False,
            pad_edge=False,
            padding=(0, COLUMN_GAP - 1, 0, 0),
        )

        def filled(cell: list[str], wide: int) -> Text:
            return Text("\n".join(part for line in cell for part in folded(line, wide)))

        for head, wide in zip(cells[0], widths, strict=True):
            table.add_column(filled(head, wide), width=wide)
        for row, found in zip(grid.rows, cells[1:], strict=True):
            texts = [filled(cell, wide) for cell, wide in zip(found, widths, strict=True)]
            texts[0].stylize(f"bold {STYLES.get(row.role, '')}")
            if row.heat is not None:
                texts[-1].stylize(on_heat(row.heat))
            table.add_row(*texts)
        options = self.console.options.update(width=sum(widths) + COLUMN_GAP * len(widths))
        segments = self.console.render_lines(table, options, pad=False)
        lines = [
            Text.assemble(*((part.text, part.style or "") for part in line)) for line in segments
        ]
        for line in lines:
            line.rstrip()
        return lines

    def stacked(self, grid: Grid, width: int) -> list[Text]:
        """Draw a grid with its columns under each other."""
        lines: list[Text] = []
        for row in grid.rows:
            style = f"bold {STYLES.get(row.role, '')}"
            lines += self.wrap(self.text(" ".join(row.cells[0]), style), width)
            for head, cell in zip(grid.heads[1:], row.cells[1:], strict=True):
                if cell:
                    line = self.text(f"{head}: ", "dim").append_text(self.text(" · ".join(cell)))
                    lines += [self.text("  ").append_text(w) for w in self.wrap(line, width - 2)]
            if row.heat is not None:
                lines.append(self.text("  ").append_text(self.heat(row.heat, BAR_WIDTH)))
            lines.append(self.text())
        return lines[:-1]

    def legend(self, legend: Legend) -> Text:
        full = replace(legend.heat(1.0), text=legend.high)
        words = f"{legend.title}: {legend.low} to "
        text = self.text(words).append_text(self.heat(full, BAR_WIDTH))
        return text.append_text(self.text(f"; {legend.unknown}" if legend.unknown else ""))
