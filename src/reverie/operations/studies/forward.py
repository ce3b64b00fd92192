"""A picture drowning in noise: the forward process, as the guide shows it, and the way back that an oracle knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, model_validator

from reverie.operations.call import arguments, lines, python_schedule
from reverie.operations.context import Context
from reverie.operations.declare import Cap, Outcome, Panel, operation
from reverie.operations.fields import (
    NewFigure,
    Overwrite,
    PictureName,
    Schedule,
    Seed,
    schedule_of,
)
from reverie.operations.request import Flag, Reply, Request, at_most, example
from reverie.operations.studies.shared import LINEAR, PICTURE, Figure, now, pictured

if TYPE_CHECKING:
    from reverie.studies import Subject

__all__ = ["analysis", "forward", "walk"]

TIMESTEPS = [0, 50, 100, 200, 300, 500, 700, 900, 999]
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAAAAAABX3VL4AAAADklEQVR42mNsYGBiYAAAApIAhOoU7S4AAAAASUVORK5CYII="
)
STATES = Cap("states x width x height", 8_000_000, "ask for fewer states, or a smaller max_side")


class _OnePicture(Request):
    image_path: Annotated[PictureName | None, PICTURE] = None
    image_base64: Annotated[str | None, Flag(None, stand_in="picture.png")] = Field(
        None,
        min_length=4,
        description="A PNG, JPEG or WebP as a data URL or bare base64; this or image_path.",
        examples=[PIXEL],
    )
    max_side: Annotated[int, Flag(None, default=512)] = Field(
        256, ge=8, le=512, description="A larger picture is reduced to this many pixels a side."
    )
    schedule: Annotated[Schedule | None, LINEAR] = Field(None, description="Linear with T = 1000 if left out.")
    seed: Seed = 0
    overwrite: Overwrite = False

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.image_path is None) == (self.image_base64 is None):
            raise ValueError("give one picture: `image_path` (a file of the workspace, or digits:3) or `image_base64`")
        return self

    def picture(self, context: Context) -> Subject:
        """The picture of the request."""
        return context.picture(self.image_path, self.max_side, self.image_base64)


class Analyse(_OnePicture):
    """A picture at evenly chosen steps from clean to noise."""

    model_config = example(
        {
            "image_path": "digits:3",
            "num_steps": 20,
            "save_visualization": True,
            "output_path": "figures/analysis.png",
        }
    )

    num_steps: Annotated[int, Flag("--steps")] = Field(
        20, ge=5, le=100, description="How many states, evenly from t = 0 to T."
    )
    save_visualization: Annotated[bool | None, Flag(None, default=None)] = Field(
        None, description="Draw the states as one figure; without output_path it stays among the job's files."
    )
    output_path: Figure = None

    @model_validator(mode="after")
    def _meant(self) -> Self:
        if self.save_visualization is False and self.output_path is not None:
            raise ValueError("`output_path` says where to save the figure, and `save_visualization` that none is wanted")
        return self


class AnalyseReply(Reply):
    """The states in numbers and pictures."""

    model_config = example(
        {
            "analysis": {
                "alpha_cumprod": [1.0, 0.9956, 0.00004],
                "signal_to_noise_ratio": [None, 20.9, -46.6],
                "timesteps": [0, 53, 1000],
                "visualization_images": ["data:image/png;base64,..."],
                "metadata": {"picture": "digits:3", "image_shape": [8, 8, 1], "num_steps": 20, "files": []},
            },
            "timestamp": "2025-01-31T09:30:00.000+00:00",
        }
    )

    analysis: dict[str, Any] = Field(
        description="Lists over the states; signal_to_noise_ratio is in dB of the picture's own power, null at t = 0."
    )
    timestamp: str


@operation(
    "analysis",
    AnalyseReply,
    command="study analyse",
    route="POST /api/diffusion/analyze-diffusion-process",
    operation_id="analyze_diffusion_process",
    tag="guide",
    about="States at evenly chosen steps from clean to noise, with the signal that is left and the SNR in dB of the "
    "picture's own power.",
    caps=(STATES,),
    images=True,
    writes="output_path",
    usual="analysis.png",
    example="reverie study analyse photo.jpg --steps 12 --out strip.png. The SNR is that of the picture itself.",
    python=lambda request: lines(
        "from reverie.studies import analyse",
        "",
        f"study = analyse({arguments(request.image_path or 'picture.png', request.num_steps, seed=request.seed)})",
        "for frame in study.frames:",
        "    print(frame.t, frame.alpha_bar, frame.snr_db)",
    ),
)
def analysis(request: Analyse, context: Context) -> Outcome:
    """How a picture drowns in noise: states at even steps, with the signal that is left and the SNR in dB."""
    figure = context.output(request.output_path, "figure", request.overwrite, "figure.png")
    from reverie import studies

    picture = request.picture(context)
    _check(context, request.num_steps, picture)
    study = studies.analyse(picture, request.num_steps, schedule_of(request.schedule, context), request.seed)
    wanted = request.output_path is not None or bool(request.save_visualization)
    reply = study.reply(context.images)
    printed = {**reply, "timestamp": now()}
    reply = {**reply, "metadata": reply["metadata"] | pictured(study, "filmstrip", figure, wanted)}
    return Outcome({"analysis": reply, "timestamp": now()}, lambda: _frames(study), printed)


class Forward(_OnePicture):
    """A picture at the steps asked for."""

    model_config = example({"image_base64": PIXEL, "timesteps": TIMESTEPS, "save_path": "figures/demonstration.png"})

    timesteps: Annotated[
        list[Annotated[int, Field(ge=0), at_most(2000, "no schedule that is served is longer")]],
        Flag("--at", "The steps to show, any of 0..T, with commas.", commas=True),
    ] = Field(default=TIMESTEPS, min_length=1, max_length=200, description="Steps of 0 (clean) .. T, each once.")
    save_path: Figure = None


class ForwardReply(Reply):
    """Numbers and a picture for each step."""

    model_config = example(
        {
            "results": {
                "t_500": {
                    "alpha_cumprod": 0.078,
                    "signal_power": 0.041,
                    "noise_power": 0.922,
                    "signal_to_noise_ratio": -13.5,
                    "image_shape": [256, 256, 3],
                }
            },
            "images": {"t_500": "data:image/png;base64,..."},
            "metadata": {"picture": "image_base64", "seed": 0, "files": []},
            "timestamp": "2025-01-31T09:30:00.000+00:00",
        }
    )

    results: dict[str, dict[str, Any]] = Field(description="By t_<t>.")
    images: dict[str, str] = Field(description="PNG data URLs by t_<t>.")
    metadata: dict[str, Any]
    timestamp: str


@operation(
    "forward",
    ForwardReply,
    command="study forward",
    route="POST /api/diffusion/demonstrate-forward-diffusion",
    operation_id="demonstrate_forward_diffusion",
    tag="guide",
    about="One noise for all steps, so that the pictures belong together. t = 0 is the clean picture.",
    caps=(STATES,),
    images=True,
    writes="save_path",
    usual="forward.png",
    example="reverie study forward digits:3 --at 0,10,100,1000 --out forward.png. t = 0 is the clean picture.",
    python=lambda request: lines(
        *python_schedule(request.schedule),
        "from reverie.studies import forward",
        "",
        f"picture, steps = {arguments(request.image_path or 'picture.png', request.timesteps)}",
        f"study = forward(picture, steps, schedule, {arguments(seed=request.seed)})",
        "for frame in study.frames:",
        "    print(frame.t, frame.alpha_bar, frame.snr_db)",
    ),
)
def forward(request: Forward, context: Context) -> Outcome:
    """The forward process at chosen steps: signal power, noise power and SNR of each state."""
    figure = context.output(request.save_path, "figure", request.overwrite, "figure.png")
    from reverie import studies

    picture = request.picture(context)
    _check(context, len(request.timesteps), picture)
    study = studies.forward(picture, request.timesteps, schedule_of(request.schedule, context), request.seed)
    reply = study.reply(context.images)
    printed = {**reply, "timestamp": now()}
    reply = {**reply, "metadata": reply["metadata"] | pictured(study, "filmstrip", figure, request.save_path is not None)}
    return Outcome({**reply, "timestamp": now()}, lambda: _frames(study), printed)


class Walk(Request):
    """A picture, and the step to start from."""

    model_config = example({"picture": "digits:3", "start": 100})

    picture: Annotated[PictureName, PICTURE] = "digits"
    start: int = Field(100, ge=1, description="The step t to start from.")
    out: NewFigure | None = None
    pair: NewFigure | None = Field(None, description="Write original and start alone to this .png file.")
    schedule: Schedule | None = Field(None, description="linear with T = 200 if left out.")
    seed: Seed = 0
    overwrite: Overwrite = False


class WalkReply(Reply):
    """The states, and how far each is from the picture."""


@operation(
    "walk",
    WalkReply,
    command="study walk",
    images=True,
    example="reverie study walk photo.jpg --start 150 --out walk.png --pair pair.png.",
)
def walk(request: Walk, context: Context) -> Outcome:
    """From a noisy picture back to itself by the true posterior: an oracle, for every step receives the picture."""
    figure = context.output(request.out, "figure", request.overwrite, "walk.png")
    pair = context.output(request.pair, "figure", request.overwrite, "pair.png")
    from reverie import studies

    schedule = None if request.schedule is None else schedule_of(request.schedule, context)
    study = studies.walk(request.picture, request.start, schedule, request.seed)
    pictured(study, "walk_panels", figure, request.out is not None)
    pictured(study, "walk_pair", pair, request.pair is not None)

    def show() -> Iterator[Panel | str]:
        rows = [[str(t), f"{study.distance[request.start - t]:.6g}"] for t, _ in study.states]
        yield Panel(f"Reverse walk of {request.picture} by the true posterior (oracle)", ["t", "rms of x_t - x_0"], rows)
        yield f"ends exactly at x_0: {'yes' if study.exact else 'no'}"

    return Outcome({**study.reply(context.images), "timestamp": now()}, show)


def _check(context: Context, states: int, picture: Subject) -> None:
    height, width, _ = picture.pixels.shape
    context.within(STATES, states * height * width)


def _frames(study: Any) -> Iterator[Panel]:
    rows = [
        [
            str(frame.t),
            f"{frame.alpha_bar:.6g}",
            f"{frame.signal_power:.6g}",
            f"{frame.noise_power:.6g}",
            "-" if frame.snr_db is None else f"{frame.snr_db:.2f}",
        ]
        for frame in study.frames
    ]
    title = f"Forward process of {study.picture.name}, power {study.picture.power:.4g}"
    yield Panel(title, ["t", "alpha_bar", "signal power", "noise power", "SNR, dB"], rows)
