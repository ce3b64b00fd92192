"""The reverse process with every state of it, by an exact denoiser, an oracle or a trained run."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from reverie.operations.context import Context
from reverie.operations.declare import Cap, Operation, Outcome, operation
from reverie.operations.fields import schedule_of
from reverie.operations.request import Reply, Request, example
from reverie.operations.studies.denoised import Denoised, learned, python_reverse
from reverie.operations.studies.reverse import Reverse, reverse

if TYPE_CHECKING:
    from reverie.studies import Denoising

__all__ = ["trajectory"]

FRAMES = Cap("steps x width x height", 4_000_000, "ask for fewer steps, or smaller pictures")


class Trajectory(Denoised):
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
    python=lambda request: python_reverse(request, request.steps),
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


def _denoising(request: Trajectory, context: Context) -> Denoising:
    from reverie.studies import denoising

    if request.model is not None:
        return learned(request, context)
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
