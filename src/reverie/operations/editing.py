"""Pictures changed by a trained run: made over, filled in, taken back to their noise, and what lies between two."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from reverie.errors import UsageError
from reverie.operations.call import arguments, lines
from reverie.operations.context import Context
from reverie.operations.declare import Cap, Outcome, operation, summary
from reverie.operations.fields import FileMade, Guidance, Overwrite, RunName, Sampler, Seed, Word, writes
from reverie.operations.request import Flag, Place, Reply, Request, at_most, example
from reverie.operations.sampling import INTERVAL, SAMPLER, Interval, preview, settings_of

if TYPE_CHECKING:
    import numpy as np

    from reverie.models import PictureModel
    from reverie.models.editing import Inverted

__all__ = ["image_to_image", "inpaint", "interpolate", "invert"]

PIXELS = Cap("count x pixels x steps", 4_000_000_000, "ask for fewer pictures, or fewer steps")
RETRACED = 10
"""About how often a step of an inversion asks the network."""


def _picture(what: str, named: str, flag: str, help: str) -> Any:
    """The type of a picture to change."""
    about = f"{what} Bundled (digits:3, china, flower), a file of the workspace, or a data URL; brought to the model's size."
    return Annotated[str, Flag(flag, help), Place(), Field(min_length=1, description=about, examples=[named])]


FILE = "A picture file, or digits:3 for a bundled digit; brought to the model's size."
Picture = _picture("The picture to change.", "digits:3", "PICTURE", FILE)
Count = Annotated[int, Field(ge=1, le=64, description="How many, each with other noise.")]
Walk = Annotated[
    int,
    Field(ge=2, description="Steps of the walk to the noise, and of that back."),
    at_most(200, "each asks the network some ten times"),
]


class _Edit(Request):
    model: Annotated[RunName, Flag("RUN", "A run folder made by reverie train from pictures.")]
    picture: Picture  # pyright: ignore[reportInvalidTypeForm]
    out: Annotated[
        Annotated[str, writes] | None,
        Flag("--out", ".png for one sheet, .npy or .npz for an array, no suffix for a folder of files.", required=True),
    ] = Field(
        None,
        min_length=1,
        description="A name in the workspace, .png, .npy or .npz. Left out, the file stays with the job.",
        examples=["pictures/changed.png"],
    )
    where: Annotated[list[Word], Flag("--where", "The class that it is to be, class=NAME.")] = Field(
        default=[],
        max_length=20,
        description="Of a model with classes, what it is to be: class=NAME.",
        examples=[["class=3"]],
    )
    overwrite: Overwrite = False


class _Drawn(_Edit):
    count: Annotated[Count, Flag("--count", default=16)] = 4
    sampler: Annotated[Sampler | None, SAMPLER] = Field(None, description="The model's usual one if left out.")
    steps: Annotated[int | None, at_most(1000, "there are no more steps in a schedule")] = Field(
        None, ge=1, description="Steps from T to 0; the model's usual number if left out."
    )
    guidance: Guidance | None = Field(None, description="How strongly it is of its class; 1 as learned.")
    interval: Annotated[Interval | None, INTERVAL] = Field(
        None, description="Guide only at these steps, the lowest and the highest.", examples=[[100, 800]]
    )
    seed: Seed = 0


class ImageToImage(_Drawn):
    """Made over: noise up to a level, then the reverse process. The higher the level, the less of the picture stays."""

    model_config = example({"edit": "image-to-image", "model": "runs/digits", "picture": "digits:3", "level": 0.5})

    edit: Annotated[Literal["image-to-image"], Flag(None, default="image-to-image")]
    level: Annotated[float, Flag("--from")] = Field(
        0.6, ge=0, le=1, description="The noise level to start from, as a share of T."
    )


class Inpaint(_Drawn):
    """A hole filled; every pixel outside it stays as it is."""

    model_config = example({"edit": "inpaint", "model": "runs/digits", "picture": "digits:3", "mask": "masks/left.png"})

    edit: Annotated[Literal["inpaint"], Flag(None, default="inpaint")]
    mask: _picture(  # pyright: ignore[reportInvalidTypeForm]
        "Of the picture's own size in pixels, white where something new is to be.",
        "masks/left.png",
        "--mask",
        "A picture of the same size in pixels, white where something new is to be.",
    )
    repeats: Annotated[int, at_most(20, "more changes nothing that is seen")] = Field(
        4, ge=1, le=100, description="How often steps are done again for what is new to fit."
    )


class Invert(_Edit):
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


class Interpolate(_Edit):
    """From one picture to another, along the arc between their noises."""

    model_config = example({"edit": "interpolate", "model": "runs/digits", "picture": "digits:3", "other": "digits:8"})

    edit: Annotated[Literal["interpolate"], Flag(None, default="interpolate")]
    other: _picture("The picture to end at.", "digits:8", "OTHER", FILE)  # pyright: ignore[reportInvalidTypeForm]
    count: int = Field(9, ge=2, le=64, description="How many pictures, the two ends among them.")
    steps: Walk = 50


class EditReply(Reply):
    """What was made, where it is, and a look at it."""

    model_config = example(
        {
            "summary": {"edit": "image-to-image", "level": 0.5, "count": 4, "seed": 0},
            "files": [
                {
                    "name": "pictures.png",
                    "href": "/api/jobs/0c5e2d0a4f3b4f0e8a9d1c2b3a4f5e6d/files/pictures.png",
                    "bytes": 2210,
                }
            ],
            "preview": {"images": ["data:image/png;base64,..."]},
        }
    )

    summary: dict[str, Any]
    files: list[FileMade] = Field(description="The pictures; of an inversion also the noise, as .npz.")
    preview: dict[str, Any] = Field(description="The first 16 pictures as data URLs.")


def edit(name: str, example: str, **declared: Any) -> Any:
    """An operation that changes pictures: all are one call of the service, told from each other by `edit`."""
    return operation(
        name,
        EditReply,
        command=f"edit {name}",
        route="POST /api/edits",
        operation_id="edit_pictures",
        tag="models",
        about="`edit` says how: made over from a noise level, a hole filled, back to the noise, or between two pictures.",
        chosen_by="edit",
        caps=(PIXELS,),
        writes="out",
        usual="changed.png",
        example=example,
        python=lambda request: _python(request),
        **declared,
    )


@edit(
    "image-to-image",
    "reverie edit image-to-image runs/digits digits:3 --from 0.6 --out over.png.",
    progress=("making over", "steps"),
)
def image_to_image(request: ImageToImage, context: Context) -> Outcome:
    """Make a picture over: noise up to a level, then the reverse process. The higher the level, the less of it stays."""

    def change(model: PictureModel, picture: np.ndarray, given: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        from reverie.models import editing

        context.within(PIXELS, _drawn(request, model))
        how = settings_of(request)
        made = editing.image_to_image(model, picture, request.level, request.count, request.seed, context.step, **how)
        return made, {"level": request.level, "count": request.count, "seed": request.seed}

    return _changed(request, context, change)


@edit(
    "inpaint",
    "reverie edit inpaint runs/digits digits:3 --mask hole.png --out filled.png. White is the hole.",
    progress=("filling", "steps"),
)
def inpaint(request: Inpaint, context: Context) -> Outcome:
    """Fill the hole of a picture; every pixel outside it stays as it is."""

    def change(model: PictureModel, picture: np.ndarray, given: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        from reverie.models import editing

        context.within(PIXELS, _drawn(request, model) * request.repeats)
        hole = editing.hole_of(model, _pixels(context, request.mask, "mask"), given)
        how = settings_of(request)
        made = editing.inpaint(model, picture, hole, request.count, request.seed, request.repeats, context.step, **how)
        return made, {"new_pixels": int(hole.sum()), "of": hole.size, "count": request.count, "seed": request.seed}

    return _changed(request, context, change)


@edit(
    "invert",
    "reverie edit invert runs/digits digits:3 --out back.png --noise noise.npz.",
    progress=("inverting", "steps"),
)
def invert(request: Invert, context: Context) -> Outcome:
    """Take a picture back to the noise that it would have come from, and say how well sampling gives it back.

    Written are the picture and, beside it, what comes back.
    """
    if request.noise is not None and not request.noise.endswith(".npz"):
        raise UsageError(f"the noise is written as .npz, not as {request.noise.rpartition('/')[2]}.")
    noise = context.output(request.noise, "noise", request.overwrite, "noise.npz")
    more = []

    def change(model: PictureModel, picture: np.ndarray, given: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        import numpy as np

        from reverie.files import writing
        from reverie.models import editing

        context.within(PIXELS, request.steps * (RETRACED + 1) * model.codec.height * model.codec.width)
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

    return _changed(request, context, change, more)


@edit(
    "interpolate",
    "reverie edit interpolate runs/digits digits:3 digits:8 --count 9 --out between.png.",
    progress=("inverting", "steps"),
)
def interpolate(request: Interpolate, context: Context) -> Outcome:
    """Go from one picture to another by the arc between their noises."""

    def change(model: PictureModel, picture: np.ndarray, given: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        import numpy as np

        from reverie.models import editing

        steps, size = request.steps, model.codec.height * model.codec.width
        context.within(PIXELS, steps * (2 * RETRACED + request.count) * size)
        pair = np.stack([picture, editing.fitted(model, _pixels(context, request.other, "other"))])
        ends = editing.inverted(model, pair, steps, request.where or None, on_step=context.step)
        return editing.interpolate(model, ends, request.count), {"count": request.count, "steps": steps, **_reached(ends)}

    return _changed(request, context, change)


def _reached(found: Inverted) -> dict[str, Any]:
    """How exact an inversion is, and a note where a step of it could not be solved."""
    return {"residual": float(f"{found.residual.max():.3g}"), **({"note": found.note} if found.note else {})}


Change = Callable[["PictureModel", "np.ndarray", "np.ndarray"], "tuple[np.ndarray, dict[str, Any]]"]


def _changed(request: Any, context: Context, change: Change, more: list[dict[str, Any]] | None = None) -> Outcome:
    """What all of them do: a model of pictures, the picture at its size, the change, and the file."""
    output = context.output(request.out, "pictures", request.overwrite, "pictures.png")
    from reverie.images import save_images
    from reverie.models import PictureModel, editing

    model = context.model(request.model)
    if not isinstance(model, PictureModel):
        raise UsageError(f"{request.model} is a model of patient records: give a run trained on pictures.")
    given = _pixels(context, request.picture, "picture")
    pixels, about = change(model, editing.fitted(model, given), given)
    save_images(pixels, output.path)
    file = output.done()
    printed = {"out": file["name"], **about}
    reply = {
        "summary": {"edit": request.edit, **about},
        "files": [file, *(more or [])],
        "preview": preview(pixels) if context.images else {},
    }
    return Outcome(reply, summary("edited", printed), printed)


def _drawn(request: ImageToImage | Inpaint, model: PictureModel) -> int:
    """Pixels that the network will see, about."""
    again = 1 if request.guidance is None else 2
    return request.count * (request.steps or model.usual.steps) * again * model.codec.height * model.codec.width


def _pixels(context: Context, named: str, field: str) -> np.ndarray:
    from reverie.images.pictures import MAX_PIXELS

    encoded = named if named.startswith("data:") else None
    return context.picture(None if encoded else named, MAX_PIXELS, encoded, field).pixels


_CALLS = {
    "image-to-image": ("image_to_image", "picture", ("level", "count"), True),
    "inpaint": ("inpaint", "picture, hole", ("count", "seed", "repeats"), False),
    "invert": ("inverted", "picture[None]", (), False),
    "interpolate": ("interpolate", "np.stack([picture, other])", ("count",), False),
}
"""By edit the function of models.editing, what it takes first, the fields after it, and whether the seed is named."""


def _python(request: Any) -> str:
    def read(name: str) -> str:
        file = getattr(request, name)
        return f"subject({arguments(f'{name}.png' if file.startswith('data:') else file)}).pixels"

    call, first, fields, seeded = _CALLS[request.edit]
    named = {name: value for name, value in settings_of(request).items() if name != "spacing"}
    if request.edit in ("invert", "interpolate"):
        named |= {"steps": request.steps}
    values = arguments(*(getattr(request, field) for field in fields), **({"seed": request.seed} if seeded else {}), **named)
    both, hole = request.edit == "interpolate", request.edit == "inpaint"
    return lines(
        *(["import numpy as np"] if both else []),
        "import reverie",
        f"from reverie.models.editing import {call}, fitted{', hole_of' if hole else ''}",
        "from reverie.studies import subject",
        "",
        f"model = reverie.load({arguments(request.model)})",
        f"picture = fitted(model, {read('picture')})",
        *([f"other = fitted(model, {read('other')})"] if both else []),
        *([f"hole = hole_of(model, {read('mask')}, {read('picture')})"] if hole else []),
        f"changed = {call}(model, {first}{', ' if values else ''}{values})",
    )
