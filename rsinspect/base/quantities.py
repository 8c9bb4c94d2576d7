"""What a number or a text of a document can be, as types: none can hold the impossible.

``base.codec`` checks them where a document or a message is read, so that what was read can be
divided by, compared and drawn. The bounds are far beyond every network and machine.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from rsinspect.base.text import HIDDEN, LONGEST_NAME, LONGEST_TEXT

LARGEST = 1e24
"""No count, size or rate is larger; beyond it arithmetic could overflow."""

SHOWABLE = rf"\A[^{HIDDEN}]*\Z"
"""What a text that may be shown matches (``base.text``)."""

Name = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME, pattern=SHOWABLE)]
Text = Annotated[str, Meta(max_length=LONGEST_TEXT, pattern=SHOWABLE)]

BACKEND = r"\A(tensorflow|jax|torch)\Z"
DEVICE = r"\A(cpu|gpu(:\d{1,3})?)\Z"

PATTERNS = {BACKEND: "tensorflow, jax or torch", DEVICE: "cpu, gpu or gpu:1"}
"""What a text has to be that does not match, in words."""

BackendName = Annotated[str, Meta(pattern=BACKEND)]
"""Of Keras."""
Device = Annotated[str, Meta(pattern=DEVICE)]
"""To compute on; ``gpu:1`` is the second one."""

Count = Annotated[int, Meta(ge=0, le=10**18)]
Positive = Annotated[int, Meta(ge=1, le=10**18)]
Images = Annotated[int, Meta(ge=1, le=10**9)]
"""In a batch."""
Blocks = Annotated[tuple[Annotated[int, Meta(ge=1, le=10**4)], ...], Meta(max_length=100)]
"""Of each stage."""
Side = Annotated[int, Meta(ge=1, le=2**24)]
"""One dimension of a tensor or a window, or its channels."""

Seconds = Annotated[float, Meta(ge=0, le=1e9)]
MeasuredSeconds = Annotated[float, Meta(ge=1e-9, le=1e9)]
"""What a clock that counts nanoseconds can have measured of something that ran."""
Microseconds = Annotated[float, Meta(ge=0, le=1e15)]
Rate = Annotated[float, Meta(ge=1, le=LARGEST)]
"""Per second."""
Share = Annotated[float, Meta(ge=0, le=1)]
Ratio = Annotated[float, Meta(ge=0, le=LARGEST)]
Finite = Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]
