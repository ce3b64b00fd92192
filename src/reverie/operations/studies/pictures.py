"""A picture drowning in noise and coming back: the guide's three demonstrations, and more of their kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from reverie.operations.call import arguments, lines, python_schedule
from reverie.operations.context import Context
from reverie.operations.declare import Cap, Operation, Outcome, Panel, operation
from reverie.operations.fields import (
    Guidance,
    NewFigure,
    Overwrite,
    PictureName,
    RunName,
    Sampler,
    Schedule,
    Seed,
    Word,
    schedule_of,
)
from reverie.operations.request import Flag, Reply, Request, at_least, at_most, example, local

if TYPE_CHECKING:
    from reverie.studies import Denoising, Subject

__all__ = ["analysis", "comparison", "forward", "reverse", "trajectory", "walk"]

TIMESTEPS = [0, 50, 100, 200, 300, 500, 700, 900, 999]
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAAAAAABX3VL4AAAADklEQVR42mNsYGBiYAAAApIAhOoU7S4AAAAASUVORK5CYII="
)
VIEW = 256
LARGE = 60_000_000
"""Steps x pixels above which nobody waits for a demonstration."""
STATES = Cap("states x width x height", 8_000_000, "ask for fewer states, or a smaller max_side")
FRAMES = Cap("steps x width x height", 4_000_000, "ask for fewer steps, or smaller pictures")
_FEWER = "take fewer samplers or steps, a smaller reference_steps or smaller pictures"
CALLS = Cap("calls of the denoiser x width x height", 60_000_000, _FEWER)
NETWORK_CALLS = Cap("calls of the denoiser x width x height", 2_000_000, _FEWER, of="a network")
SIDE = "a screen shows no more, and every state of it is kept"
Figure = Annotated[NewFigure | None, Flag("--out")]
LINEAR = Flag("--schedule", default="linear")
Positional = Flag("PICTURE", "A picture file, or digits:3 for a bundled digit by its index.", default="digits")


def now() -> str:
    """The time, as replies tell it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class _OnePicture(Request):
    image_path: Annotated[PictureName | None, Positional] = None
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
            "timestamp": "2025-01-31T09:30:00+00:00",
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
    reply = {**reply, "metadata": reply["metadata"] | _more(study, "filmstrip", figure, wanted)}
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
            "timestamp": "2025-01-31T09:30:00+00:00",
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
    reply = {**reply, "metadata": reply["metadata"] | _more(study, "filmstrip", figure, request.save_path is not None)}
    return Outcome({**reply, "timestamp": now()}, lambda: _frames(study), printed)


class _FromModel(Request):
    """A trained run may be the denoiser; it brings its own schedule and size."""

    model: Annotated[RunName | None, Flag("--model", "A run folder of reverie train; it sets the size.")] = Field(
        None, description="A trained run of pictures; without it an exact denoiser answers."
    )
    where: Annotated[list[Word], Flag("--where", "Of a model: the class, class=NAME.")] = Field(
        default=[], max_length=1, description="Of a model with classes: class=NAME.", examples=[["class=3"]]
    )
    guidance: Guidance | None = Field(
        None, description="Of a model: how strongly the picture is of its class; 1 as learned."
    )
    sampler: Annotated[Sampler, Flag("--sampler", "ddim, dpmpp, dpmpp_sde, heun, angular or ancestral.")] = "ddim"
    eta: float = Field(0.0, ge=0, le=1, description="Of ddim: 0 is deterministic, 1 ancestral.")
    schedule: Annotated[Schedule | None, LINEAR] = Field(
        None, description="Linear with T = 1000 if left out; a model has its own."
    )
    seed: Seed = 0

    @model_validator(mode="after")
    def _of_the_model(self) -> Self:
        given = {"schedule", "picture", "denoiser"} & self.model_fields_set
        if self.model is not None and given:
            raise ValueError(f"a model is the denoiser, with a size and a schedule of its own: leave out `{min(given)}`")
        if self.model is None and (given := {"where", "guidance"} & self.model_fields_set):
            raise ValueError(f"`{max(given)}` is of a model, and none is given: name one with `model`, or leave it out")
        return self


class Reverse(_FromModel):
    """From pure noise to a picture."""

    model_config = example({"width": 256, "height": 256, "num_steps": 10, "eta": 0.0, "save_path": "figures/denoising.png"})

    width: Annotated[int, at_least(256, "the guide's demonstration is of this size or larger")] = Field(
        512, ge=8, le=1024, description="Pixels; a model sets its own."
    )
    height: Annotated[int, at_least(256, "the guide's demonstration is of this size or larger")] = Field(
        512, ge=8, le=1024, description="Pixels; a model sets its own."
    )
    num_steps: Annotated[int, Flag("--steps")] = Field(50, ge=10, le=200, description="How many reverse steps.")
    save_path: Figure = None
    final: Annotated[str | None, Flag("--final"), local] = Field(
        None, description="Write the final picture alone to this .png file."
    )
    overwrite: Overwrite = False


class ReverseReply(Reply):
    """Numbers of each step, pictures of some, and the last."""

    model_config = example(
        {
            "results": {
                "step_0": {
                    "timestep": 1000,
                    "next_timestep": 900,
                    "alpha_cumprod": 0.00004,
                    "variance": 0.0,
                    "eta": 0.0,
                }
            },
            "images": {
                "step_0": {
                    "evidence": "exact",
                    "timestep": 1000,
                    "state": "data:image/png;base64,...",
                    "predicted_clean": "data:image/png;base64,...",
                }
            },
            "final_image": "data:image/png;base64,...",
            "metadata": {"evidence": "exact", "denoiser": "exact denoiser of six cut-outs of two photographs"},
            "timestamp": "2025-01-31T09:30:00+00:00",
        }
    )

    results: dict[str, dict[str, Any]] = Field(description="By step_<i>.")
    images: dict[str, dict[str, Any]] = Field(
        description="State and prediction at up to nine steps, up to 256 pixels a side."
    )
    final_image: str = Field(description="At its full size.")
    metadata: dict[str, Any] = Field(description="evidence says how the denoiser knows: exact, oracle or learned.")
    timestamp: str


@operation(
    "reverse",
    ReverseReply,
    command="study reverse",
    route="POST /api/diffusion/demonstrate-reverse-diffusion",
    operation_id="demonstrate_reverse_diffusion",
    tag="guide",
    about="By the exact denoiser of two real photographs, or by a trained run: `metadata.evidence` says which.",
    slow=lambda request: request.model is None and request.width * request.height * request.num_steps > LARGE,
    progress=("reverse steps", "steps"),
    images=True,
    writes="save_path",
    usual="reverse.png",
    example="reverie study reverse --width 256 --height 256 --out reverse.png (exact denoiser of two photographs); "
    "reverie study reverse --model runs/digits --out reverse.png (your trained run).",
    refuse=lambda request, _: _size_of_a_model(request),
    python=lambda request: _python_reverse(request, request.num_steps),
)
def reverse(request: Reverse, context: Context) -> Outcome:
    """From pure noise to a picture, step by step, with what is predicted of it at each; says how the denoiser knows."""
    figure = context.output(request.save_path, "figure", request.overwrite, "figure.png")
    final = context.output(request.final, "figure", request.overwrite, "final.png")
    from reverie import studies
    from reverie.studies import denoising

    if request.model is None:
        by = denoising.exact(request.width, request.height, schedule_of(request.schedule, context))
    else:
        by = _learned(request, context)
    size = {name: getattr(request, name) for name in {"width", "height"} & request.model_fields_set}
    study = studies.reverse(
        **size,
        steps=request.num_steps,
        eta=request.eta,
        sampler=request.sampler,
        by=by,
        seed=request.seed,
        on_step=context.step,
    )
    reply = study.reply(images=context.images, largest=VIEW if context.served else None)
    printed = {**reply, "timestamp": now()}
    more = _more(study, "reverse_strip", figure, request.save_path is not None)
    if request.final is not None:
        from reverie.images import save_picture

        save_picture(study.final, final.path)
        context.say(f"final picture: {final.done()['name']}")
    reply = {**reply, "metadata": reply["metadata"] | more | {"seconds": study.seconds}, "timestamp": now()}

    def show() -> Iterator[Panel]:
        rows = [
            [str(i), str(s.t), str(s.s), f"{s.alpha_bar:.6g}", "-" if s.variance is None else f"{s.variance:.6g}"]
            for i, s in enumerate(study.steps)
        ]
        title = f"Reverse process by {study.sampler}, {study.evidence}: {study.source}"
        yield Panel(title, ["step", "from t", "to t", "alpha_bar", "variance"], rows)

    return Outcome(reply, show, printed)


class Trajectory(_FromModel):
    """One reverse process with all of its states."""

    model_config = example({"denoiser": "oracle", "picture": "digits:3", "width": 32, "height": 32, "steps": 20})

    denoiser: Literal["exact", "grainy", "oracle"] = Field(
        "exact",
        description="exact: the optimal denoiser of six photographs; grainy: likewise, of photographs with grain; oracle: "
        "receives the picture.",
    )
    picture: str | None = Field(
        None,
        min_length=1,
        description="What the oracle knows: digits:3, china, flower, a file of the workspace, or a data URL.",
        examples=["digits:3"],
    )
    width: int = Field(64, ge=8, le=256, description="Pixels; a model sets its own.")
    height: int = Field(64, ge=8, le=256, description="Pixels; a model sets its own.")
    steps: int = Field(50, ge=1, le=200)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        size = {"width", "height"} & self.model_fields_set
        if self.model is not None and size:
            raise ValueError(f"a model is the denoiser, with a size and a schedule of its own: leave out `{min(size)}`")
        if self.picture is not None and self.denoiser != "oracle":
            raise ValueError("only an oracle receives a picture: leave out `picture`, or set `denoiser` to oracle")
        return self


class TrajectoryReply(Reply):
    """Numbers of each step, and each state as a picture."""

    model_config = example(
        {
            "steps": [{"t": 1000, "s": 950, "alpha_bar": 0.00004, "variance": 0.0}],
            "frames": [
                {
                    "step": 0,
                    "t": 1000,
                    "state": "data:image/png;base64,...",
                    "predicted": "data:image/png;base64,...",
                }
            ],
            "metadata": {
                "evidence": "oracle",
                "denoiser": "oracle that receives digits:3",
                "sampler": "ddim",
                "calls": 20,
                "seconds": 0.02,
                "schedule": {"name": "linear", "steps": 1000},
                "image_shape": [32, 32, 1],
                "seed": 0,
            },
        }
    )

    steps: list[dict[str, Any]] = Field(
        description="variance is that of the noise that the step adds; null where it is not one number."
    )
    frames: list[dict[str, Any]] = Field(description="From t = T to t = 0, where nothing is predicted any more.")
    metadata: dict[str, Any]


@operation(
    "trajectory",
    TrajectoryReply,
    route="POST /api/trajectories",
    operation_id="make_trajectory",
    tag="studies",
    caps=(FRAMES,),
    like=lambda request: _as_reverse(request),
    python=lambda request: _python_reverse(request, request.steps),
)
def trajectory(request: Trajectory, context: Context) -> Outcome:
    """A reverse process with every state of it."""
    from reverie import studies
    from reverie.images import data_url

    by = _denoising(request, context)
    calls = request.steps * (1 if request.guidance is None else 2)
    context.within(FRAMES, calls * by.codec.width * by.codec.height)
    study = studies.reverse(
        steps=request.steps,
        eta=request.eta,
        sampler=request.sampler,
        by=by,
        seed=request.seed,
        views=None,
        on_step=context.step,
    )
    frames = [
        {
            "step": view.step,
            "t": view.t,
            "state": data_url(view.state, noisy=view.t > 0),
            "predicted": None if view.predicted is None else data_url(view.predicted),
        }
        for view in study.views
    ]
    metadata = {**study.about, "seconds": study.seconds, "warning": study.schedule.warning}
    return Outcome({"steps": [dataclasses.asdict(step) for step in study.steps], "frames": frames, "metadata": metadata})


class Walk(Request):
    """A picture, and the step to start from."""

    model_config = example({"picture": "digits:3", "start": 100})

    picture: Annotated[PictureName, Positional] = "digits"
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
    _more(study, "walk_panels", figure, request.out is not None)
    _more(study, "walk_pair", pair, request.pair is not None)

    def show() -> Iterator[Panel | str]:
        rows = [[str(t), f"{study.distance[request.start - t]:.6g}"] for t, _ in study.states]
        yield Panel(f"Reverse walk of {request.picture} by the true posterior (oracle)", ["t", "rms of x_t - x_0"], rows)
        yield f"ends exactly at x_0: {'yes' if study.exact else 'no'}"

    return Outcome({**study.reply(context.images), "timestamp": now()}, show)


class Comparison(Request):
    """A grid of samplers and numbers of steps, all from one noise."""

    model_config = example({"samplers": ["ddim", "dpmpp", "heun"], "steps": [5, 10, 20], "reference_steps": 100})

    model: Annotated[RunName | None, Flag("--model", "A run folder of reverie train; it sets the size.")] = Field(
        None, description="A trained run of pictures; without it an exact denoiser answers."
    )
    width: Annotated[int, at_most(128, SIDE)] = Field(32, ge=8, le=1024, description="Pixels; a model sets its own.")
    height: Annotated[int, at_most(128, SIDE)] = Field(32, ge=8, le=1024, description="Pixels; a model sets its own.")
    samplers: Annotated[
        list[Sampler], Flag("--sampler", "May be repeated; ddim, dpmpp, heun and ancestral if left out.")
    ] = Field(default=["ddim", "dpmpp", "heun", "ancestral"], min_length=1, max_length=6)
    steps: Annotated[
        list[Annotated[int, Field(ge=1), at_most(200, "a comparison has a time in which someone waits")]],
        Flag("--steps", "Numbers of steps, with commas.", commas=True),
    ] = Field(default=[5, 10, 20, 50], min_length=1, max_length=8)
    reference_steps: Annotated[int, at_least(20, "fewer are no reference"), at_most(1000, "it is as slow")] = Field(
        200, ge=2, description="Of the reference, dpmpp."
    )
    seed: Seed = 0
    out: Annotated[NewFigure | None, local] = None
    overwrite: Annotated[Overwrite, local] = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        given = {"width", "height"} & self.model_fields_set
        if self.model is not None and given:
            raise ValueError(f"a model has a size of its own: leave out `{min(given)}`")
        return self

    @property
    def calls(self) -> int:
        """Of the denoiser, at most."""
        return sum(self.steps) * (len(self.samplers) + ("heun" in self.samplers)) + self.reference_steps * 3 // 2


class ComparisonReply(Reply):
    """One cell for each sampler and number of steps."""

    model_config = example(
        {
            "cells": [
                {
                    "sampler": "heun",
                    "steps": 10,
                    "calls": 19,
                    "seconds": 0.009,
                    "error": 0.094,
                    "stochastic": False,
                    "rank": 1,
                    "image": "data:image/png;base64,...",
                }
            ],
            "reference": {
                "sampler": "dpmpp",
                "steps": 100,
                "calls": 100,
                "seconds": 0.06,
                "own_error": 0.001,
                "image": "data:image/png;base64,...",
            },
            "start": "data:image/png;base64,...",
            "metadata": {"evidence": "exact", "image_shape": [32, 32, 3], "seed": 0},
        }
    )

    cells: list[dict[str, Any]] = Field(
        description="error: rms distance to the reference. stochastic: the sampler draws noise, so that this is no error of "
        "discretisation, and it has no rank."
    )
    reference: dict[str, Any] = Field(description="own_error: its distance to itself in half as many steps.")
    start: str = Field(description="The noise that all began from.")
    metadata: dict[str, Any]


@operation(
    "comparison",
    ComparisonReply,
    command="study compare",
    route="POST /api/comparisons",
    operation_id="compare_samplers",
    tag="studies",
    about="Each cell is a `metric` event of the job as it is made.",
    caps=(CALLS, NETWORK_CALLS),
    progress=("comparing", "runs"),
    images=True,
    writes="out",
    usual="samplers.png",
    example="reverie study compare --sampler ddim --sampler heun --out compare.png.",
    python=lambda request: lines(
        *(["import reverie"] if request.model else []),
        "from reverie.studies import compare",
        f"from reverie.studies.denoising import {'learned' if request.model else 'grainy'}",
        "",
        f"by = {_python_by(request, 'grainy')}",
        f"samplers, steps = {arguments(request.samplers, request.steps)}",
        f"found = compare(samplers, steps, by, {arguments(reference_steps=request.reference_steps, seed=request.seed)})",
        "for cell in found.cells:",
        "    print(cell.sampler, cell.steps, cell.calls, cell.seconds, cell.error)",
    ),
)
def comparison(request: Comparison, context: Context) -> Outcome:
    """The same starting noise through several samplers and numbers of steps: error, calls of the denoiser, seconds.

    The error is the distance from a reference in many steps. Samplers that draw noise are marked: they do not follow the
    reference, so their distance is no error of discretisation.
    """
    figure = context.output(request.out, "figure", request.overwrite, "comparison.png")
    from reverie import studies
    from reverie.studies import denoising

    if request.model is None:
        by, cap = denoising.grainy(request.width, request.height), CALLS
    else:
        by, cap = denoising.learned(context.model(request.model), request.model), NETWORK_CALLS
    context.within(cap, request.calls * by.codec.width * by.codec.height)
    study = studies.compare(
        request.samplers,
        request.steps,
        by,
        reference_steps=request.reference_steps,
        seed=request.seed,
        on_step=context.step,
        on_cell=lambda cell: context.emit("metric", cell.reply(images=True)) if context.served else None,
    )
    _more(study, "comparison_figure", figure, request.out is not None)
    reply = study.reply(context.images)

    def show() -> Iterator[Panel | str]:
        rows = [
            [c.sampler, str(c.steps), str(c.calls), f"{c.seconds:.3f}", f"{c.error:.4g}", str(c.rank or "draws noise")]
            for c in study.cells
        ]
        columns = ["sampler", "steps", "calls", "seconds", "rms to the reference", "rank"]
        yield Panel(f"One starting noise, {by.denoiser.evidence}: {by.source}", columns, rows)
        yield (
            f"reference: {study.reference.sampler} in {study.reference.steps} steps, "
            f"{study.own_error:.2g} from itself in half."
        )

    return Outcome(reply, show, {**reply, "timestamp": now()})


# --- what they share ----------------------------------------------------------------------------------------------------


def _size_of_a_model(request: Reverse) -> str | None:
    """The guide's call takes a size or a model. (The command line lets one repeat the size that a model has.)"""
    size = {"width", "height"} & request.model_fields_set
    return f"A model brings a size of its own: leave out {min(size)}." if request.model is not None and size else None


def _check(context: Context, states: int, picture: Subject) -> None:
    height, width, _ = picture.pixels.shape
    context.within(STATES, states * height * width)


def _more(study: Any, draw: str, output: Any, wanted: bool) -> dict[str, Any]:
    """The figure, drawn by this function of studies/figures.py if one is wanted, and the schedule's warning."""
    files = []
    if wanted:
        from reverie.studies import figures

        figures.save_figure(getattr(figures, draw)(study), output.path)
        files.append(output.done())
    return {"files": files, "warning": getattr(getattr(study, "schedule", None), "warning", None)}


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


def _learned(request: _FromModel, context: Context) -> Denoising:
    from reverie.studies import denoising

    assert request.model is not None
    return denoising.learned(context.model(request.model), request.model, request.where or None, request.guidance)


def _denoising(request: Trajectory, context: Context) -> Denoising:
    from reverie.studies import denoising

    if request.model is not None:
        return _learned(request, context)
    schedule = schedule_of(request.schedule, context)
    if request.denoiser != "oracle":
        make = denoising.exact if request.denoiser == "exact" else denoising.grainy
        return make(request.width, request.height, schedule)
    given = request.picture or "digits:0"
    encoded = given if given.startswith("data:") else None
    picture = context.picture(None if encoded else given, 512, encoded, "picture")
    return denoising.oracle(picture, request.width, request.height, schedule)


def _as_reverse(request: Trajectory) -> tuple[Operation, Request] | None:
    """The command that shows the same run: it has the exact denoiser and trained runs, and 10 steps or more."""
    if (request.model is None and request.denoiser != "exact") or request.steps < 10:
        return None
    of_both = {name for name in request.model_fields_set if name in Reverse.model_fields}
    size = set() if request.model else {"width", "height"}
    values = {name: getattr(request, name) for name in of_both | size}
    return reverse, Reverse(**values, num_steps=request.steps)


def _python_by(request: Any, denoiser: str) -> str:
    """Who denoises, in Python."""
    if request.model:
        asked = {"where": getattr(request, "where", None) or None, "guidance": getattr(request, "guidance", None)}
        more = arguments(**{name: value for name, value in asked.items() if value is not None})
        return f"learned(reverie.load({request.model!r}), {request.model!r}{', ' if more else ''}{more})"
    size = arguments(request.width, request.height)
    return f'oracle(subject("picture.png"), {size})' if denoiser == "oracle" else f"{denoiser}({size})"


def _python_reverse(request: Any, steps: int) -> str:
    denoiser = "learned" if request.model else getattr(request, "denoiser", "exact")
    how = {"eta": request.eta} if request.sampler == "ddim" else {"sampler": request.sampler}
    return lines(
        *(["import reverie"] if request.model else []),
        f"from reverie.studies import reverse{', subject' if denoiser == 'oracle' else ''}",
        f"from reverie.studies.denoising import {denoiser}",
        "",
        f"run = reverse(by={_python_by(request, denoiser)}, {arguments(steps=steps, **how, seed=request.seed)}, views=None)",
        "for view in run.views:",
        "    print(view.t, view.state.shape)  # uint8 [H, W, C]; view.predicted is the x_0 seen there",
    )
