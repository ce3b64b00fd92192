"""Pictures of which something was seen, the rest drawn: a hole filled, a small copy enlarged, a blurred one sharpened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from reverie.operations.context import Context
from reverie.operations.declare import Outcome
from reverie.operations.editing.shared import PIXELS, Drawn, asked, changed, drawn, edit, named_picture, pixels_of, python_of
from reverie.operations.fields import PosteriorMethod
from reverie.operations.request import Flag, at_most, example
from reverie.operations.sampler_settings import settings_of
from reverie.samplers.posterior.registry import USUAL, listed

if TYPE_CHECKING:
    import numpy as np

    from reverie.models import PictureModel

__all__ = ["deblur", "inpaint", "upscale"]

METHOD = Flag("--method", f"{listed()}. {USUAL} if left out.")
Noise = Annotated[float, Flag("--noise", "Its noise, a deviation in grey levels.")]


class Restored(Drawn):
    """A picture that something was seen of."""

    method: Annotated[PosteriorMethod | None, METHOD] = Field(
        None, description=f"How what was seen is kept to; {USUAL} if left out. See `study posterior` for what each is worth."
    )
    steps: Annotated[int | None, at_most(1000, "there are no more steps in a schedule")] = Field(
        None, ge=1, description="Steps from T to 0; if left out as many as 48 passes through the network allow."
    )


class Inpaint(Restored):
    """A hole filled; every pixel outside it stays as it is."""

    model_config = example({"edit": "inpaint", "model": "runs/digits", "picture": "digits:3", "mask": "masks/left.png"})

    edit: Annotated[Literal["inpaint"], Flag(None, default="inpaint")]
    mask: named_picture(  # pyright: ignore[reportInvalidTypeForm]
        "Of the picture's own size in pixels, white where something new is to be.",
        "masks/left.png",
        "--mask",
        "A picture or an .npy array of the same size in pixels, white where something new is to be.",
    )
    repeats: Annotated[int | None, at_most(20, "more changes nothing that is seen")] = Field(
        None, ge=1, le=100, description="How often steps are done, of repaint, which is then the method; 4 there."
    )
    soft: bool = Field(False, description="Where the mask is grey, a pixel is known by half: the lighter, the less.")
    own_size: bool = Field(
        False, description="Fill the hole in the picture at its own size: the part around it is changed, and pasted back."
    )

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        if self.soft and self.own_size:
            raise ValueError("`soft` is of a picture at the model's size: leave it out, or `own_size`")
        return self


class Upscale(Restored):
    """A picture enlarged to the model's size."""

    model_config = example({"edit": "upscale", "model": "runs/digits", "picture": "pictures/small.png", "factor": 2})

    edit: Annotated[Literal["upscale"], Flag(None, default="upscale")]
    factor: int = Field(
        2, ge=2, le=64, description="How many times smaller the picture is, in pixels of a side, than those of the model."
    )
    noise: Noise = Field(2.0, gt=0, le=127, description="Its deviation from the means of the large one, in grey levels.")


class Deblur(Restored):
    """A blurred picture, sharp."""

    model_config = example({"edit": "deblur", "model": "runs/digits", "picture": "pictures/blurred.png", "blur": 1.5})

    edit: Annotated[Literal["deblur"], Flag(None, default="deblur")]
    blur: float = Field(1.0, gt=0, le=32, description="Deviation of the Gaussian blur, in pixels of the model's pictures.")
    noise: Noise = Field(2.0, gt=0, le=127, description="Its deviation from what is blurred, in grey levels.")


def _asked(request: Restored, *more: str) -> dict[str, Any]:
    """What was asked of the method, by the names of the library."""
    found = {name: getattr(request, name) for name in ("method", *more)}
    return {**settings_of(request), **{name: value for name, value in found.items() if value is not None}}


def _within(request: Restored, model: PictureModel, context: Context) -> None:
    from reverie.models.restoring import method_of, passes_of

    method = method_of(request.method, getattr(request, "repeats", None))
    context.within(PIXELS, drawn(request, model, passes_of(model, method, request.steps)[1]))


def _python(request: Restored, call: str, first: str, *values: Any, **more: Any) -> str:
    method = {"method": request.method} if request.method else {}
    return python_of(request, call, first, *values, **more, **method, **asked(request))


def _filling(request: Inpaint) -> str:
    more = {} if request.repeats is None else {"repeats": request.repeats}
    if request.own_size:
        return _python(request, "inpaint_whole", "given, mask", mask="mask", count=request.count, seed=request.seed, **more)
    hole = {"hole": "mask", "soft": request.soft}
    return _python(request, "inpaint", "picture, hole", request.count, seed=request.seed, **hole, **more)


@edit(
    "inpaint",
    "reverie edit inpaint runs/digits digits:3 --mask hole.png --out filled.png. White is the hole.",
    progress=("filling", "steps"),
    python=lambda request: _filling(request),
)
def inpaint(request: Inpaint, context: Context) -> Outcome:
    """Fill the hole of a picture; every pixel outside it stays as it is."""

    def change(model: PictureModel, given: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        from reverie.models import editing

        _within(request, model, context)
        mask, how = pixels_of(context, request.mask, "mask"), _asked(request, "repeats")
        drawn = {"count": request.count, "seed": request.seed, "on_step": context.step, **how}
        if request.own_size:
            made, hole = editing.inpaint_whole(model, given, mask, **drawn)
        else:
            hole = editing.hole_of(model, mask, given, request.soft)
            made = editing.inpaint(model, editing.fitted(model, given), hole, **drawn)
        return made, {"new_pixels": int((hole > 0).sum()), "of": hole.size, "count": request.count, "seed": request.seed}

    return changed(request, context, change)


@edit(
    "upscale",
    "reverie edit upscale runs/digits small.png --factor 2 --out large.png.",
    progress=("enlarging", "steps"),
    python=lambda request: _python(request, "upscale", "given", request.factor, request.count, request.seed, request.noise),
)
def upscale(request: Upscale, context: Context) -> Outcome:
    """Enlarge a picture to the model's size: draws of what its small copy may be of.

    Each of its pixels is taken as the mean of a block of the large one; several draws show what that leaves open.
    """

    def change(model: PictureModel, given: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        from reverie.models import editing

        _within(request, model, context)
        how = {"noise": request.noise, "on_step": context.step, **_asked(request)}
        made = editing.upscale(model, given, request.factor, request.count, request.seed, **how)
        small, size = (f"{width} x {height}" for height, width in (given.shape[:2], made.shape[1:3]))
        seen = f"{model.codec.width // request.factor} x {model.codec.height // request.factor}"
        if small != seen:
            context.say(
                f"The picture is {small} pixels, and `factor={request.factor}` makes {size} of {seen}: it was brought there."
            )
        return made, {"factor": request.factor, "count": request.count, "seed": request.seed}

    return changed(request, context, change)


@edit(
    "deblur",
    "reverie edit deblur runs/digits blurred.png --blur 1.5 --out sharp.png.",
    progress=("sharpening", "steps"),
    python=lambda request: _python(request, "deblur", "given", request.blur, request.count, request.seed, request.noise),
)
def deblur(request: Deblur, context: Context) -> Outcome:
    """Sharpen a blurred picture: draws of what it may have been."""

    def change(model: PictureModel, given: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        from reverie.models import editing

        _within(request, model, context)
        how = {"noise": request.noise, "on_step": context.step, **_asked(request)}
        made = editing.deblur(model, given, request.blur, request.count, request.seed, **how)
        return made, {"blur": request.blur, "count": request.count, "seed": request.seed}

    return changed(request, context, change)
