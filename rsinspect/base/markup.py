"""HTML from templates, for pages and for what stands in notebooks."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from rsinspect.base.cells import unbroken
from rsinspect.base.files import template

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def environment() -> Environment:
    """Make what fills the templates of pages: all that they are given is escaped.

    Scripts and styles come without what is only for who writes them: indents, breaks, remarks.
    """
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(_lean),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["digest"] = _digest
    made.filters["unbroken"] = unbroken
    return made


def _digest(script: str) -> str:
    """Name a script in the policy of its page, so that the browser runs no other."""
    from base64 import b64encode
    from hashlib import sha256

    return f"sha256-{b64encode(sha256(script.encode()).digest()).decode()}"


def _lean(name: str) -> str:
    source = template(name)
    if name.endswith(".js"):
        from rjsmin import jsmin

        source = f"{{% raw %}}{jsmin(source)}\n{{% endraw %}}"  # "{#" begins a class, no remark
    elif name.endswith(".css"):
        from rcssmin import cssmin

        source = cssmin(source)
    return source
