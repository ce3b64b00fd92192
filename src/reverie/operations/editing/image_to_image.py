"""Pictures made over from a noise level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from reverie.operations.context import Context
from reverie.operations.declare import Outcome
from reverie.operations.editing.shared import PIXELS, Drawn, asked, changed, drawn, edit, python_of
from reverie.operations.request import Flag, example
from reverie.operations.sampler_settings import settings_of

if TYPE_CHECKING:
    import numpy as np

    from reverie.models import PictureModel

__all__ = ["image_to_image"]


class ImageToImage(Drawn):
    """Made over: noise up to a level, then the reverse process. The higher the level, the less of the picture stays."""

    model_config = example({"edit": "image-to-image", "model": "runs/digits", "picture": "digits:3", "level": 0.5})

    edit: Annotated[Literal["image-to-image"], Flag(None, default="image-to-image")]
    level: Annotated[float, Flag("--from")] = Field(
        0.6, ge=0, le=1, description="The noise level to start from, as a share of T."
    )


@edit(
    "image-to-image",
    "reverie edit image-to-image runs/digits digits:3 --from 0.6 --out over.png.",
    progress=("making over", "steps"),
    python=lambda request: python_of(
        request, "image_to_image", "picture", request.level, request.count, seed=request.seed, **asked(request)
    ),
)
def image_to_image(request: ImageToImage, context: Context) -> Outcome:
    """Make a picture over: noise up to a level, then the reverse process. The higher the level, the less of it stays."""

    def change(model: PictureModel, given: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        from reverie.models import editing

        context.within(PIXELS, drawn(request, model))
        picture, how = editing.fitted(model, given), settings_of(request)
        made = editing.image_to_image(model, picture, request.level, request.count, request.seed, context.step, **how)
        return made, {"level": request.level, "count": request.count, "seed": request.seed}

    return changed(request, context, change)
