"""What all changes of pictures share: their request, their route, and how the changed pictures are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from reverie.errors import UsageError
from reverie.operations.call import arguments, lines
from reverie.operations.context import Context
from reverie.operations.declare import Cap, Outcome, operation, summary
from reverie.operations.fields import FileMade, Guidance, Overwrite, RunName, Sampler, Seed, Word, writes
from reverie.operations.request import Flag, Place, Reply, Request, at_most, example
from reverie.operations.sampler_settings import INTERVAL, SAMPLER, Interval, settings_of
from reverie.operations.sampling_files import preview

if TYPE_CHECKING:
    import numpy as np

    from reverie.models import PictureModel

__all__ = [
    "FILE",
    "PIXELS",
    "Drawn",
    "Edit",
    "asked",
    "changed",
    "drawn",
    "edit",
    "named_picture",
    "pixels_of",
    "python_of",
]

PIXELS = Cap("count x pixels x steps", 4_000_000_000, "ask for fewer pictures, or fewer steps")


def named_picture(what: str, named: str, flag: str, help: str) -> Any:
    """The type of a picture to change."""
    about = f"{what} Bundled (digits:3, china, flower), a file of the workspace, or a data URL; brought to the model's size."
    return Annotated[str, Flag(flag, help), Place(), Field(min_length=1, description=about, examples=[named])]


ALPHA = {"channels": 4}
"""How masks are read, for what is transparent in one is neither black nor white."""
FILE = "A picture file, or digits:3 for a bundled digit; brought to the model's size."
Picture = named_picture("The picture to change.", "digits:3", "PICTURE", FILE)
Count = Annotated[int, Field(ge=1, le=64, description="How many, each with other noise.")]


class Edit(Request):
    """A picture, the run that changes it, and where to write what comes of it."""

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
    where: Annotated[list[Word], Flag("--where", "What it is to be, class=NAME or attribute=value.")] = Field(
        default=[],
        max_length=20,
        description="What it is to be: class=NAME, or attribute=value of a model that was told attributes.",
        examples=[["class=3"]],
    )
    overwrite: Overwrite = False


class Drawn(Edit):
    """How pictures are drawn."""

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
        about="`edit` says how: made over from a noise level, a hole filled, enlarged, sharpened, back to the noise, or "
        "between two pictures.",
        chosen_by="edit",
        caps=(PIXELS,),
        writes="out",
        usual="changed.png",
        example=example,
        **declared,
    )


Change = Callable[["PictureModel", "np.ndarray"], "tuple[np.ndarray, dict[str, Any]]"]


def changed(request: Any, context: Context, change: Change, more: list[dict[str, Any]] | None = None) -> Outcome:
    """What all of them do: a model of pictures, the picture as it was given, the change, and the file."""
    output = context.output(request.out, "pictures", request.overwrite, "pictures.png")
    from reverie.images import save_images
    from reverie.models import PictureModel

    model = context.model(request.model)
    if not isinstance(model, PictureModel):
        raise UsageError(f"{request.model} is a model of patient records: give a run trained on pictures.")
    pixels, about = change(model, pixels_of(context, request.picture, "picture", model))
    save_images(pixels, output.path)
    file = output.done()
    printed = {"out": file["name"], **about}
    reply = {
        "summary": {"edit": request.edit, **about},
        "files": [file, *(more or [])],
        "preview": preview(pixels) if context.images else {},
    }
    return Outcome(reply, summary("edited", printed), printed)


def drawn(request: Drawn, model: PictureModel, passes: int | None = None) -> int:
    """Pixels that the network will see, about; `passes` for each picture, its steps if left out."""
    again = 1 if request.guidance is None else 2
    passes = (request.steps or model.usual.steps) if passes is None else passes
    return request.count * passes * again * model.codec.height * model.codec.width


def pixels_of(context: Context, named: str, field: str, model: PictureModel | None = None) -> np.ndarray:
    """A picture of the request, of its own size; read as those of the model are, a mask with its alpha, or as grey or
    colour of 8 bits."""
    from reverie.images.pictures import MAX_PIXELS

    encoded = named if named.startswith("data:") else None
    reading = model.codec.reading if model is not None else ALPHA if field == "mask" else {}
    return context.picture(None if encoded else named, MAX_PIXELS, encoded, field, **reading).pixels


def python_of(
    request: Any,
    call: str,
    first: str,
    *values: Any,
    other: str = "",
    hole: str = "",
    mask: str = "",
    soft: bool = False,
    **named: Any,
) -> str:
    """Python that does the same by a function of models.editing.

    Args:
        first: what it is given first; `given` is the picture as it is, `picture` at the model's size.
        values, named: further arguments.
        other, hole, mask: fields that name a second picture, or a mask, brought to the model's size or as it is.
        soft: whether the hole is.
    """

    def read(name: str) -> str:
        file, how = getattr(request, name), ", channels=4" if name in (mask, hole) else ", **model.codec.reading"
        return f"subject({arguments(f'{name}.png' if file.startswith('data:') else file)}{how}).pixels"

    rest, as_given = arguments(*values, **named), first.startswith("given")
    used = [call, *([] if as_given else ["fitted"]), *(["hole_of"] if hole else [])]
    return lines(
        *(["import numpy as np"] if other else []),
        "import reverie",
        f"from reverie.models.editing import {', '.join(used)}",
        "from reverie.studies import subject",
        "",
        f"model = reverie.load({arguments(request.model)})",
        f"given = {read('picture')}" if as_given else f"picture = fitted(model, {read('picture')})",
        *([f"other = fitted(model, {read(other)})"] if other else []),
        *([f"hole = hole_of(model, {read(hole)}, {read('picture')}{', soft=True' if soft else ''})"] if hole else []),
        *([f"mask = {read(mask)}"] if mask else []),
        f"changed = {call}(model, {first}{', ' if rest else ''}{rest})",
    )


def asked(request: Edit) -> dict[str, Any]:
    """The settings of the sampler that were asked for, as Python names them."""
    return {name: value for name, value in settings_of(request).items() if name != "spacing"}
