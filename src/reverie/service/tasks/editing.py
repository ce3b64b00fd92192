"""Pictures changed by a trained run: made over, filled in, taken back to their noise, and what lies between two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from reverie.errors import UsageError
from reverie.service.schemas import editing as schemas
from reverie.service.schemas.parts import within
from reverie.service.tasks import inputs, outputs
from reverie.service.tasks.sampling import IMAGES, PIXEL_STEPS, file_for, preview

if TYPE_CHECKING:
    import numpy as np

    from reverie.models import PictureModel
    from reverie.service.jobs.work import Work

__all__ = ["edit"]

RETRACED = 10
"""About how often a step of an inversion asks the network."""
NOISE = "noise.npz"


def edit(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """The changed pictures, in a file, with a look at them; of an inversion the noise too."""
    told = TypeAdapter[schemas.Edit](schemas.Edit).validate_python(arguments)
    outputs.reserve(work, told.out, IMAGES, told.overwrite)
    from reverie.images import save_images
    from reverie.models import PictureModel

    model = inputs.model(work, told.model)
    if not isinstance(model, PictureModel):
        raise UsageError(f"{told.model} is a model of patient records: name a run trained on pictures.")
    size, remedy = model.codec.height * model.codec.width, "ask for fewer pictures, or fewer steps"
    within("count x pixels x steps", _calls(told, model) * size, PIXEL_STEPS, remedy)
    pixels, about = _changed(work, told, model)
    made = save_images(pixels, file_for(work, told.out))
    files = [outputs.deliver(work, made, told.out, IMAGES, told.overwrite)]
    if isinstance(told, schemas.Invert):
        files.append(outputs.deliver(work, work.folder / NOISE, None, (".npz",), False))
    return {"summary": {"edit": told.edit, **about}, "files": files, "preview": preview(pixels)}


def _calls(told: schemas.Edit, model: PictureModel) -> int:
    """How many pictures the network will see, about."""
    match told:
        case schemas.ImageToImage() | schemas.Inpaint():
            again = told.repeats if isinstance(told, schemas.Inpaint) else 1
            return told.count * (told.steps or model.usual.steps) * again * (1 if told.guidance is None else 2)
        case schemas.Invert():
            return told.steps * (RETRACED + 1)
        case schemas.Interpolate():
            return told.steps * (2 * RETRACED + told.count)


def _changed(work: Work, told: schemas.Edit, model: PictureModel) -> tuple[np.ndarray, dict[str, Any]]:
    """The pictures, and what is told of them."""
    import numpy as np

    from reverie.models import editing

    given = _pixels(work, told.picture, "picture")
    picture = editing.fitted(model, given)
    where = told.where or None
    match told:
        case schemas.ImageToImage():
            made = editing.image_to_image(model, picture, told.level, told.count, told.seed, work.step, **_settings(told))
            return made, {"level": told.level, "count": told.count, "seed": told.seed}
        case schemas.Inpaint():
            hole = editing.hole_of(model, _pixels(work, told.mask, "mask"), given)
            settings = _settings(told)
            made = editing.inpaint(model, picture, hole, told.count, told.seed, told.repeats, work.step, **settings)
            return made, {"new_pixels": int(hole.sum()), "of": hole.size, "count": told.count, "seed": told.seed}
        case schemas.Invert():
            found = editing.inverted(model, picture[None], told.steps, where)
            np.savez(work.folder / NOISE, noise=found.noise.cpu().numpy(), grid=np.array(found.grid))
            about = {"steps": len(found.grid) - 1, "from_t": found.grid[0], "error_in_grey_levels": round(found.error, 4)}
            return np.concatenate([picture[None], found.pictures]), about
        case schemas.Interpolate():
            pair = np.stack([picture, editing.fitted(model, _pixels(work, told.other, "other"))])
            made = editing.interpolate(model, pair, told.count, told.steps, where)
            return made, {"count": told.count, "steps": told.steps}


def _settings(told: schemas.ImageToImage | schemas.Inpaint) -> dict[str, Any]:
    settings = {"sampler": told.sampler, "steps": told.steps, "where": told.where or None, "guidance": told.guidance}
    return {name: value for name, value in settings.items() if value is not None}


def _pixels(work: Work, named: str, field: str) -> np.ndarray:
    from reverie.images.pictures import MAX_PIXELS

    encoded = named if named.startswith("data:") else None
    return inputs.picture(work, None if encoded else named, encoded, MAX_PIXELS, field).pixels
