"""`reverie edit`: pictures changed by a trained model."""

from __future__ import annotations

from reverie.cli.derive import group

__all__ = ["app"]

app = group(
    "edit",
    help="Change pictures with a trained model: make them over, fill holes, go back to their noise, go from one to another.",
    epilog="Start with: reverie edit image-to-image runs/digits digits:3 --from 0.6 --out over.png.",
)
