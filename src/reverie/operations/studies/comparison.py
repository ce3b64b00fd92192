"""Samplers beside each other, all from one noise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from reverie.operations.call import arguments, lines
from reverie.operations.context import Context
from reverie.operations.declare import Cap, Outcome, Panel, operation
from reverie.operations.fields import (
    NewFigure,
    Overwrite,
    RunName,
    Sampler,
    Seed,
)
from reverie.operations.request import Flag, Reply, Request, at_least, at_most, example, local
from reverie.operations.studies.denoised import python_by
from reverie.operations.studies.shared import now, pictured
from reverie.samplers.registry import SAMPLERS, compared

__all__ = ["comparison"]

_FEWER = "take fewer samplers or steps, a smaller reference_steps or smaller pictures"
CALLS = Cap("calls of the denoiser x width x height", 60_000_000, _FEWER)
NETWORK_CALLS = Cap("calls of the denoiser x width x height", 2_000_000, _FEWER, of="a network")
SIDE = "a screen shows no more, and every state of it is kept"


class Comparison(Request):
    """A grid of samplers and numbers of steps, all from one noise."""

    model_config = example({"samplers": ["ddim", "dpmpp", "heun"], "steps": [5, 10, 20], "reference_steps": 100})

    model: Annotated[RunName | None, Flag("--model", "A run folder of reverie train; it sets the size.")] = Field(
        None, description="A trained run of pictures; without it an exact denoiser answers."
    )
    width: Annotated[int, at_most(128, SIDE)] = Field(32, ge=8, le=1024, description="Pixels; a model sets its own.")
    height: Annotated[int, at_most(128, SIDE)] = Field(32, ge=8, le=1024, description="Pixels; a model sets its own.")
    samplers: Annotated[list[Sampler], Flag("--sampler", f"May be repeated; {', '.join(compared())} if left out.")] = Field(
        default=list(compared()), min_length=1, max_length=len(SAMPLERS)
    )
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
        cells = sum(SAMPLERS[name].cost(steps) for name in self.samplers for steps in self.steps)
        return cells + self.reference_steps * 3 // 2


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
        f"by = {python_by(request, 'grainy')}",
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
    pictured(study, "comparison_figure", figure, request.out is not None)
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
