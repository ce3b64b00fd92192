"""`reverie study`: what the forward and the reverse process do to a picture, in numbers and figures."""

from __future__ import annotations

from reverie.cli.derive import group

__all__ = ["app"]

app = group(
    "study",
    help="Look at the forward and the reverse process, with the true numbers, on your own picture or a bundled digit.",
    epilog="Start with: reverie study analyse digits:3 --out strip.png, then reverie study walk digits:3 --out walk.png, "
    "then reverie study reverse --out reverse.png.",
)
