"""From pure noise to a picture, by an exact denoiser or a trained run: the guide's demonstration, and every state of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from reverie.operations.call import arguments, lines
from reverie.operations.context import Context
from reverie.operations.declare import Cap, Operation, Outcome, Panel, operation
from reverie.operations.fields import (
    Guidance,
    Overwrite,
    RunName,
    Sampler,
    Schedule,
    Seed,
    Word,
    schedule_of,
)
from reverie.operations.request import Flag, Reply, Request, at_least, example, local
from reverie.operations.studies.shared import LINEAR, Figure, now, pictured
from reverie.samplers.registry import listed

if TYPE_CHECKING:
    from reverie.studies import Denoising

__all__ = ["python_by", "reverse", "trajectory"]

VIEW = 256
LARGE = 60_000_000
"""Steps x pixels above which nobody waits for a demonstration."""
FRAMES = Cap("steps x width x height", 4_000_000, "ask for fewer steps, or smaller pictures")


class _FromModel(Request):
    """A trained run may be the denoiser; it brings its own schedule and size."""

    model: Annotated[RunName | None, Flag("--model", "A run folder of reverie train; it sets the size.")] = Field(
        None, description="A trained run of pictures; without it an exact denoiser answers."
    )
    where: Annotated[list[Word], Flag("--where", "Of a model: class=NAME, or attribute=value.")] = Field(
        default=[], max_length=20, description="Of a model: class=NAME, or attribute=value.", examples=[["class=3"]]
    )
    guidance: Guidance | None = Field(
        None, description="Of a model: how strongly the picture is of its class; 1 as learned."
    )
    sampler: Annotated[Sampler, Flag("--sampler", f"{listed()}.")] = "ddim"
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
            "timestamp": "2025-01-31T09:30:00.000+00:00",
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
    more = pictured(study, "reverse_strip", figure, request.save_path is not None)
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


def _size_of_a_model(request: Reverse) -> str | None:
    """The guide's call takes a size or a model. (The command line lets one repeat the size that a model has.)"""
    size = {"width", "height"} & request.model_fields_set
    return f"A model brings a size of its own: leave out {min(size)}." if request.model is not None and size else None


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


def python_by(request: Any, denoiser: str) -> str:
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
        f"run = reverse(by={python_by(request, denoiser)}, {arguments(steps=steps, **how, seed=request.seed)}, views=None)",
        "for view in run.views:",
        "    print(view.t, view.state.shape)  # uint8 [H, W, C]; view.predicted is the x_0 seen there",
    )
