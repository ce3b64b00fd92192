"""reverie edit image-to-image | inpaint | invert | interpolate RUN PICTURE ..."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reverie.cli import console
from reverie.cli.sample import Sampler, between
from reverie.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from reverie.models import PictureModel

__all__ = ["app"]

app = typer.Typer(
    help="Change pictures with a trained model: make them over, fill holes, go back to their noise, go from one to another.",
    epilog="Start with: reverie edit image-to-image runs/digits digits:3 --from 0.6 --out over.png.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Run = Annotated[Path, typer.Argument(help="A run folder made by reverie train from pictures.")]
Picture = Annotated[
    str, typer.Argument(help="A picture file, or digits:3 for a bundled digit; brought to the model's size.")
]
Out = Annotated[
    Path, typer.Option("--out", help=".png for one sheet, .npy or .npz for an array, no suffix for a folder of files.")
]
Count = Annotated[int, typer.Option("--count", min=1, max=64, help="How many, each with other noise.")]
Steps = Annotated[int | None, typer.Option("--steps", min=1, help="Steps from T to 0; if left out, the model's.")]
Walk = Annotated[int, typer.Option("--steps", min=2, help="Steps of the walk to the noise.")]
Where = Annotated[list[str] | None, typer.Option("--where", help="The class that it is to be, class=NAME.")]
Guidance = Annotated[float | None, typer.Option("--guidance", help="How strongly: 1 as learned, above 1 more.")]
Interval = Annotated[str | None, typer.Option("--interval", help="Guide only at steps LOW:HIGH, e.g. 100:800.")]


@app.command("image-to-image", epilog="Example: reverie edit image-to-image runs/digits digits:3 --from 0.6 --out over.png.")
def image_to_image(
    run: Run,
    picture: Picture,
    out: Out,
    level: Annotated[float, typer.Option("--from", min=0, max=1, help="The noise level, as a share of T.")] = 0.6,
    count: Count = 16,
    sampler: Sampler = None,
    steps: Steps = None,
    where: Where = None,
    guidance: Guidance = None,
    interval: Interval = None,
    seed: console.Seed = 0,
    force: console.Force = False,
    as_json: console.Json = False,
) -> None:
    """Make a picture over: noise up to a level, then the reverse process. The higher the level, the less of it stays."""
    model = _model(run, out, force)
    from reverie.models import editing

    told = _settings(sampler=sampler, steps=steps, where=where, guidance=guidance, interval=between(interval))
    with console.progress("making over") as on_step:
        pixels = editing.image_to_image(model, _read(model, picture), level, count, seed, on_step, **told)
    _tell(pixels, out, {"level": level, "count": count, "seed": seed}, as_json)


@app.command(
    epilog="Example: reverie edit inpaint runs/digits digits:3 --mask hole.png --out filled.png. White is the hole."
)
def inpaint(
    run: Run,
    picture: Picture,
    mask: Annotated[
        str, typer.Option("--mask", help="A picture of the same size in pixels, white where something new is to be.")
    ],
    out: Out,
    count: Count = 16,
    repeats: Annotated[
        int, typer.Option("--repeats", min=1, max=100, help="How often steps are done again for the rest to fit.")
    ] = 4,
    sampler: Sampler = None,
    steps: Steps = None,
    where: Where = None,
    guidance: Guidance = None,
    interval: Interval = None,
    seed: console.Seed = 0,
    force: console.Force = False,
    as_json: console.Json = False,
) -> None:
    """Fill the hole of a picture; every pixel outside it stays as it is."""
    model = _model(run, out, force)
    from reverie.models import editing

    given = _pixels(picture)
    hole = editing.hole_of(model, _pixels(mask), given)
    told = _settings(sampler=sampler, steps=steps, where=where, guidance=guidance, interval=between(interval))
    with console.progress("filling") as on_step:
        pixels = editing.inpaint(model, editing.fitted(model, given), hole, count, seed, repeats, on_step, **told)
    _tell(pixels, out, {"new_pixels": int(hole.sum()), "of": hole.size, "count": count, "seed": seed}, as_json)


@app.command(epilog="Example: reverie edit invert runs/digits digits:3 --out back.png --noise noise.npz.")
def invert(
    run: Run,
    picture: Picture,
    out: Out,
    noise: Annotated[Path | None, typer.Option("--noise", help="Write the noise and its grid to this .npz file.")] = None,
    steps: Walk = 50,
    where: Where = None,
    force: console.Force = False,
    as_json: console.Json = False,
) -> None:
    """Take a picture back to the noise that it would have come from, and say how well sampling gives it back.

    Written are the picture and, beside it, what comes back.
    """
    if noise is not None and noise.suffix != ".npz":
        raise UsageError(f"the noise is written as .npz, not as {noise.name}.")
    model = _model(run, out, force, *([noise] if noise else []))
    import numpy as np

    from reverie.files import writing
    from reverie.models import editing

    pixels = _read(model, picture)[None]
    found = editing.inverted(model, pixels, steps, where)
    if noise is not None:
        with writing(noise) as temporary:
            np.savez(temporary, noise=found.noise.cpu().numpy(), grid=np.array(found.grid))
    told = {"steps": len(found.grid) - 1, "from_t": found.grid[0], "error_in_grey_levels": round(found.error, 4)}
    _tell(np.concatenate([pixels, found.pictures]), out, told | ({"noise": str(noise)} if noise else {}), as_json)


@app.command(epilog="Example: reverie edit interpolate runs/digits digits:3 digits:8 --count 9 --out between.png.")
def interpolate(
    run: Run,
    picture: Picture,
    other: Picture,
    out: Out,
    count: Annotated[int, typer.Option("--count", min=2, max=64, help="How many pictures, the two ends among them.")] = 9,
    steps: Walk = 50,
    where: Where = None,
    force: console.Force = False,
    as_json: console.Json = False,
) -> None:
    """Go from one picture to another by the arc between their noises."""
    model = _model(run, out, force)
    import numpy as np

    from reverie.models import editing

    pair = np.stack([_read(model, name) for name in (picture, other)])
    _tell(editing.interpolate(model, pair, count, steps, where), out, {"count": count, "steps": steps}, as_json)


def _model(run: Path, out: Path, force: bool, *others: Path) -> PictureModel:
    """The model, once it is sure that nothing is lost by writing the outputs."""
    for path in (out, *others):
        console.fresh(path, force)
    import reverie
    from reverie.images import check_output
    from reverie.models import PictureModel

    check_output(out)
    model = reverie.load(run)
    if not isinstance(model, PictureModel):
        raise UsageError(f"{run} is a model of patient records: give a run trained on pictures.")
    return model


def _read(model: PictureModel, name: str) -> np.ndarray:
    """The picture as the model's are, uint8 [H, W, C]."""
    from reverie.models.editing import fitted

    return fitted(model, _pixels(name))


def _pixels(name: str) -> np.ndarray:
    from reverie.images.pictures import MAX_PIXELS
    from reverie.studies.subject import subject

    return subject(name, largest=MAX_PIXELS).pixels


def _settings(**told: Any) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}


def _tell(pixels: np.ndarray, out: Path, summary: dict[str, Any], as_json: bool) -> None:
    from reverie.images import save_images

    save_images(pixels, out)
    result = {"out": str(out), **summary}
    if as_json:
        return console.write_json(result)
    console.summary("edited", result)
