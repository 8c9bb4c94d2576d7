"""What people can choose of a picture, by name; light, because every help text lists it."""

from rsinspect.base.formats import Formats

VIEWS = ("figure6", "stages", "blocks", "layers")
DIRECTIONS = ("TB", "LR")

COMPARED_VIEWS = ("stages", "blocks", "layers")
"""Views that two networks can be compared in."""

OF_WEIGHTS = ("weight_std", "weight_max", "dead_channels")
"""Quantities that are read from a file of weights."""

COMPUTED = ("params", "macs", "flops", "activations", "intensity")
"""Quantities that follow from the layer graph."""

QUANTITIES = (*COMPUTED, "latency", *OF_WEIGHTS)

FIGURES = ("svg", "png", "pdf", "webp", "dot", "tikz")
"""Formats of printed pages, whose default view is the paper's figure."""

_JPEG = "JPEG blurs letters and lines: name it .png, or .svg or .pdf"

PICTURES = Formats(
    "picture",
    {
        ".svg": "svg", ".png": "png", ".pdf": "pdf", ".webp": "webp", ".dot": "dot", ".gv": "dot",
        ".tex": "tikz", ".tikz": "tikz", ".html": "html", ".htm": "html", ".mmd": "mermaid",
        ".mermaid": "mermaid", ".txt": "txt", ".me.json": "me.json", ".netron.json": "netron.json",
    },
    {
        ".json": "name it .me.json, for Model Explorer, or .netron.json, for Netron",
        ".md": "name it .mmd: Mermaid, which a block of a Markdown page shows",
        ".eps": "name it .pdf", ".ps": "name it .pdf",
    }
    | dict.fromkeys((".jpg", ".jpeg"), _JPEG),
)  # fmt: skip
"""Formats that a network can be drawn in."""

PLOTS = Formats(
    "plot",
    {".svg": "svg", ".pdf": "pdf", ".png": "png"},
    dict.fromkeys((".jpg", ".jpeg"), _JPEG),
)
"""Formats that numbers can be drawn in."""

EVERY_LAYER = {"me.json": "a Model Explorer file", "netron.json": "a Netron attachment"}
"""Formats that have every layer, whatever the view, and what a file of each is called."""

DEEP = ("html", *EVERY_LAYER)
"""Formats whose readers open nodes themselves, so that they hold the whole network."""

PNG_DPI = 192

RENDERERS = ("auto", "pip", "system")

FONT = "DejaVu Sans"
"""Family of the text in figures: wide, free, and shipped by matplotlib."""

FONTS: tuple[str, ...] = ("DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono", "STIXGeneral")
"""Families for text: those that matplotlib ships with a bold face and the signs we write. A heavy
rule (U+2501) of STIXGeneral, which looks like Times, is DejaVu's."""

AUTO = "auto"
PLOT_THEMES = ("paper", "light", "dark", "print")
THEME_NAMES = (AUTO, *PLOT_THEMES)
