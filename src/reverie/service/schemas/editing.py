"""Pictures changed by a trained run: one request for each way."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from reverie.service.schemas.parts import FileMade, Overwrite, Reply, Request, RunName, Sampler, Seed, Word, example

__all__ = ["Edit", "EditReply", "ImageToImage", "Inpaint", "Interpolate", "Invert"]


def _picture(what: str, named: str) -> Any:
    description = (
        f"{what} Bundled (digits:3, china, flower), a file of the workspace, or a data URL; brought to the model's size."
    )
    return Field(min_length=1, description=description, examples=[named])


Count = Annotated[int, Field(ge=1, le=64, description="How many, each with other noise.")]
Steps = Annotated[int, Field(ge=1, le=1000, description="From T to 0; the model's usual number if left out.")]
Walk = Annotated[int, Field(ge=2, le=200, description="Of the walk to the noise, and of that back.")]
Guidance = Annotated[float, Field(ge=0, le=10, description="How strongly it is of its class; 1 as learned.")]


class _Edit(Request):
    model: RunName
    picture: str = _picture("The picture to change.", "digits:3")
    where: list[Word] = Field(
        default=[],
        max_length=20,
        description="Of a model with classes, what it is to be: class=NAME.",
        examples=[["class=3"]],
    )
    out: str | None = Field(
        None,
        min_length=1,
        max_length=484,
        description="A name in the workspace, .png, .npy or .npz. Left out, the file stays with the job.",
        examples=["pictures/changed.png"],
    )
    overwrite: Overwrite = False


class _Drawn(_Edit):
    count: Count = 4
    sampler: Sampler | None = Field(None, description="The model's usual one if left out.")
    steps: Steps | None = None
    guidance: Guidance | None = None
    seed: Seed = 0


class ImageToImage(_Drawn):
    """Made over: noise up to a level, then the reverse process. The higher the level, the less of the picture stays."""

    model_config = example({"edit": "image-to-image", "model": "runs/digits", "picture": "digits:3", "level": 0.5})

    edit: Literal["image-to-image"]
    level: float = Field(0.6, ge=0, le=1, description="The noise level to start from, as a share of T.")


class Inpaint(_Drawn):
    """A hole filled; every pixel outside it stays as it is."""

    model_config = example({"edit": "inpaint", "model": "runs/digits", "picture": "digits:3", "mask": "masks/left.png"})

    edit: Literal["inpaint"]
    mask: str = _picture("Of the picture's own size in pixels, white where something new is to be.", "masks/left.png")
    repeats: int = Field(4, ge=1, le=20, description="How often steps are done again for what is new to fit.")


class Invert(_Edit):
    """Taken back to the noise that it would have come from; beside the picture, what comes back of it."""

    model_config = example({"edit": "invert", "model": "runs/digits", "picture": "digits:3"})

    edit: Literal["invert"]
    steps: Walk = 50


class Interpolate(_Edit):
    """From one picture to another, along the arc between their noises."""

    model_config = example({"edit": "interpolate", "model": "runs/digits", "picture": "digits:3", "other": "digits:8"})

    edit: Literal["interpolate"]
    other: str = _picture("The picture to end at.", "digits:8")
    count: int = Field(9, ge=2, le=64, description="How many pictures, the two ends among them.")
    steps: Walk = 50


Edit = Annotated[ImageToImage | Inpaint | Invert | Interpolate, Field(discriminator="edit")]


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
