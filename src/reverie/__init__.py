"""Reverie runs diffusion backwards, on images and on patient records, and shows that it is right.

reverie.train, distill, load, report and Model are imported when first used, for torch takes seconds to import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reverie.models import Model, load
    from reverie.planning.distilling import distill
    from reverie.planning.plan import train
    from reverie.reports import report

__all__ = ["Model", "__version__", "distill", "load", "report", "train"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    match name:
        case "train":
            from reverie.planning.plan import train

            return train
        case "distill":
            from reverie.planning.distilling import distill

            return distill
        case "report":
            from reverie.reports import report

            return report
        case "Model" | "load":
            from reverie import models

            return getattr(models, name)
    raise AttributeError(f"module 'reverie' has no attribute {name!r}")
