"""A page inside another: in a notebook, which has many pages and shows them where it may.

The page is packed, so that a notebook with many of them stays small, and cannot reach what is
around it. Its picture lies behind it, for whoever runs nothing or lets nothing be framed.
"""

from __future__ import annotations

import base64
import gzip
import re
from urllib.parse import quote

from rsinspect.base.markup import environment


def framed(page: str, *, svg: str, says: str, height: str = "36rem") -> str:
    """Write a page as a fragment of HTML, in a frame whose lower edge can be dragged.

    Args:
        page: The whole page, which needs nothing but itself.
        svg: What stands there where the page cannot.
        says: What both show, for who cannot see it.
        height: Of the frame, in units of CSS.
    """
    packed = base64.b64encode(gzip.compress(page.encode(), mtime=0)).decode()
    templates = environment()
    allowed = re.findall(r"script-src '(sha256-[\w+/=]+)'", page)  # as the policy of the page does
    opening = templates.get_template("frame/opening.html").render(packed=packed, allowed=allowed)
    still = f"data:image/svg+xml,{quote(svg, safe=' /:=,;!()*+@~$')}"
    return templates.get_template("frame/frame.html").render(
        opening=opening, still=still, says=says, height=height
    )
