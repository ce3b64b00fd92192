"""One prediction seen in its four ways: what a noise, a clean value, a velocity or a score says of the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from reverie.errors import UsageError
from reverie.operations.call import arguments, lines, python_schedule
from reverie.operations.context import Context
from reverie.operations.declare import Outcome, Panel, operation
from reverie.operations.fields import Schedule, schedule_of
from reverie.operations.request import Flag, Reply, Request, at_most, example
from reverie.operations.studies.shared import LINEAR

__all__ = ["views"]

Numbers = Annotated[list[float], Field(min_length=1, max_length=1000)]
COMMAS = "Numbers with commas, e.g. 0.3,-1.2."


def _numbers(text: str) -> list[float]:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError as error:
        raise UsageError(f"numbers are written with commas, e.g. 0.3,-1.2, not {text!r}.") from error


def _typed(numbers: list[float]) -> str:
    return ",".join(map(repr, numbers))


class Views(Request):
    """A state, and what is said of it."""

    model_config = example({"t": 500, "state": [0.3, -1.2], "kind": "velocity", "value": [0.1, 0.4]})

    t: Annotated[int, at_most(2000, "no schedule that is served is longer")] = Field(
        ge=1, description="The step of the state, 1..T."
    )
    state: Annotated[Numbers, Flag("--state", f"x_t. {COMMAS}", read=_numbers, write=_typed)] = Field(description="x_t.")
    kind: Literal["noise", "clean", "velocity", "score"] = Field("noise", description="What is said of it.")
    value: Annotated[Numbers, Flag("--value", f"The prediction. {COMMAS}", read=_numbers, write=_typed)] = Field(
        description="The prediction, as many numbers as the state has."
    )
    schedule: Annotated[Schedule | None, LINEAR] = Field(None, description="Linear with T = 1000 if left out.")

    @model_validator(mode="after")
    def _alike(self) -> Self:
        if len(self.state) != len(self.value):
            raise ValueError(f"`state` has {len(self.state)} numbers and `value` {len(self.value)}: give as many of each")
        return self


class ViewsReply(Reply):
    """The four views, each as many numbers as the state has."""

    model_config = example(
        {"alpha_bar": 0.079, "noise": [0.32, -1.04], "clean": [-0.01, -0.72], "velocity": [0.1, 0.4], "score": [-0.33, 1.08]}
    )

    alpha_bar: float
    noise: list[float]
    clean: list[float]
    velocity: list[float]
    score: list[float]


@operation(
    "views",
    ViewsReply,
    command="study views",
    route="POST /api/views",
    operation_id="convert_prediction",
    tag="studies",
    about="x_t = a x_0 + sigma eps; velocity = a eps - sigma x_0; score = -eps / sigma.",
    example="reverie study views --t 500 --state 0.3,-1.2 --kind velocity --value 0.1,0.4.",
    python=lambda request: lines(
        "import torch",
        "from reverie.process import GaussianProcess",
        *python_schedule(request.schedule),
        f"state, value = (torch.tensor([x], dtype=torch.float64) for x in ({arguments(request.state, request.value)}))",
        f"found = GaussianProcess(schedule).predict(state, {request.t}, {request.kind}=value)",
        "print(found.noise, found.clean, found.velocity, found.score)",
    ),
)
def views(request: Views, context: Context) -> Outcome:
    """What one prediction says in all four views: noise, clean, velocity and score, at a step of a schedule."""
    import torch

    from reverie.process import GaussianProcess
    from reverie.process.prediction import KINDS

    process = GaussianProcess(schedule_of(request.schedule, context))
    if request.t > process.schedule.steps:
        raise UsageError(f"t is one of 1..{process.schedule.steps} on this schedule, not {request.t}.")
    state, value = (torch.tensor([numbers], dtype=torch.float64) for numbers in (request.state, request.value))
    found = process.predict(state, request.t, **{request.kind: value})
    reply = {kind: found.view(kind)[0].tolist() for kind in KINDS}

    def show() -> Iterator[Panel]:
        rows = [
            [name, *(f"{number:.6g}" for number in numbers)] for name, numbers in {"x_t": request.state, **reply}.items()
        ]
        yield Panel(f"At t = {request.t}", ["view", *(str(i) for i in range(1, len(request.state) + 1))], rows)

    return Outcome({"alpha_bar": float(process.schedule.alpha_bar[request.t]), **reply}, show)
