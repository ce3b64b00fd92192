"""Pictures taken back to their noise, and what lies between two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from reverie.errors import UsageError
from reverie.operations.context import Context
from reverie.operations.declare import Outcome
from reverie.operations.editing.shared import FILE, PIXELS, Edit, asked, changed, edit, named_picture, pixels_of, python_of
from reverie.operations.fields import writes
from reverie.operations.request import Flag, at_most, example

if TYPE_CHECKING:
    import numpy as np

    from reverie.models import PictureModel
    from reverie.models.editing import Inverted

__all__ = ["interpolate", "invert"]

RETRACED = 10
"""About how often a step of an inversion asks the network."""

Walk = Annotated[
    int,
    Field(ge=2, description="Steps of the walk to the noise, and of that back."),
    at_most(200, "each asks the network some ten times"),
]


class Invert(Edit):
    """Taken back to the noise that it would have come from; beside the picture, what comes back of it."""

    model_config = example({"edit": "invert", "model": "runs/digits", "picture": "digits:3"})

    edit: Annotated[Literal["invert"], Flag(None, default="invert")]
    noise: Annotated[Annotated[str, writes] | None, Flag("--noise")] = Field(
        None,
        min_length=5,
        description="Where to write the noise and its grid, an .npz file. In a service it stays with the job if left out.",
        examples=["pictures/noise.npz"],
    )
    steps: Walk = 50


class Interpolate(Edit):
    """From one picture to another, along the arc between their noises."""

    model_config = example({"edit": "interpolate", "model": "runs/digits", "picture": "digits:3", "other": "digits:8"})

    edit: Annotated[Literal["interpolate"], Flag(None, default="interpolate")]
    other: named_picture("The picture to end at.", "digits:8", "OTHER", FILE)  # pyright: ignore[reportInvalidTypeForm]
    count: int = Field(9, ge=2, le=64, description="How many pictures, the two ends among them.")
    steps: Walk = 50


@edit(
    "invert",
    "reverie edit invert runs/digits digits:3 --out back.png --noise noise.npz.",
    progress=("inverting", "steps"),
    python=lambda request: python_of(request, "inverted", "picture[None]", **asked(request) | {"steps": request.steps}),
)
def invert(request: Invert, context: Context) -> Outcome:
    """Take a picture back to the noise that it would have come from, and say how well sampling gives it back.

    Written are the picture and, beside it, what comes back.
    """
    if request.noise is not None and not request.noise.endswith(".npz"):
        raise UsageError(f"the noise is written as .npz, not as {request.noise.rpartition('/')[2]}.")
    noise = context.output(request.noise, "noise", request.overwrite, "noise.npz")
    more = []

    def change(model: PictureModel, given: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        import numpy as np

        from reverie.files import writing
        from reverie.models import editing

        context.within(PIXELS, request.steps * (RETRACED + 1) * model.codec.height * model.codec.width)
        picture = editing.fitted(model, given)
        found = editing.inverted(model, picture[None], request.steps, request.where or None, on_step=context.step)
        about: dict[str, Any] = {
            "steps": len(found.grid) - 1,
            "from_t": found.grid[0],
            "error_in_grey_levels": round(found.error, 4),
            **_reached(found),
        }
        if request.noise is not None or context.served:
            with writing(noise.path) as temporary:
                np.savez(temporary, noise=found.noise.cpu().numpy(), grid=np.array(found.grid))
            more.append(noise.done())
        if request.noise is not None:
            about["noise"] = request.noise
        return np.concatenate([picture[None], found.pictures]), about

    return changed(request, context, change, more)


@edit(
    "interpolate",
    "reverie edit interpolate runs/digits digits:3 digits:8 --count 9 --out between.png.",
    progress=("inverting", "steps"),
    python=lambda request: python_of(
        request,
        "interpolate",
        "np.stack([picture, other])",
        request.count,
        other="other",
        **asked(request) | {"steps": request.steps},
    ),
)
def interpolate(request: Interpolate, context: Context) -> Outcome:
    """Go from one picture to another by the arc between their noises."""

    def change(model: PictureModel, given: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        import numpy as np

        from reverie.models import editing

        steps, size = request.steps, model.codec.height * model.codec.width
        context.within(PIXELS, steps * (2 * RETRACED + request.count) * size)
        pair = np.stack([editing.fitted(model, each) for each in (given, pixels_of(context, request.other, "other", model))])
        ends = editing.inverted(model, pair, steps, request.where or None, on_step=context.step)
        return editing.interpolate(model, ends, request.count), {"count": request.count, "steps": steps, **_reached(ends)}

    return changed(request, context, change)


def _reached(found: Inverted) -> dict[str, Any]:
    """How exact an inversion is, and a note where a step of it could not be solved."""
    return {"residual": float(f"{found.residual.max():.3g}"), **({"note": found.note} if found.note else {})}
