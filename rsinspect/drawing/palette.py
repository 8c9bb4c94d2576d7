"""The colours of a theme by the names they have in LaTeX."""

from __future__ import annotations

from rsinspect.drawing.scene import Heat, Role
from rsinspect.drawing.theme import Theme, text_on


class Palette:
    """The colours of a theme by the names they have in LaTeX, those of heat as they come up."""

    def __init__(self, theme: Theme) -> None:
        self.theme = theme
        named = [("ink", theme.ink), ("muted", theme.muted), ("line", theme.line)]
        named += [("card", theme.card), *theme.edges.items(), *theme.marks.items()]
        named += [(f"in-{role}", fill) for role, fill in theme.fills.items()]
        self.colours = {f"rs-{key}": colour[1:] for key, colour in named}

    def fill(self, role: Role, heat: Heat | None) -> str:
        """Name the colour of a node."""
        if heat is None:
            return f"rs-in-{role}"
        colour = self.theme.heat_of(heat)[1:]
        self.colours[f"rs-heat-{colour}"] = colour
        return f"rs-heat-{colour}"

    def text(self, heat: Heat | None) -> str:
        """Name the colour of the text on a node."""
        if heat is None:
            return "rs-ink"
        colour = text_on(self.theme.heat_of(heat))[1:]
        self.colours[f"rs-on-{colour}"] = colour
        return f"rs-on-{colour}"
