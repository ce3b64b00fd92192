"""Posterior samplers held to exact posteriors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from reverie.operations.call import arguments, lines
from reverie.operations.context import Context
from reverie.operations.declare import Cap, Outcome, Panel, operation
from reverie.operations.fields import NewFigure, Overwrite, PosteriorMethod, Seed
from reverie.operations.request import Flag, Reply, Request, at_most, example, local
from reverie.operations.studies.shared import now, pictured
from reverie.samplers.posterior.registry import METHODS

__all__ = ["posteriors"]

WORK = Cap("passes x draws x methods x cases", 100_000_000, "take fewer passes, draws, methods or cases")


CaseName = Literal["gaussian", "clusters", "mixture", "finite"]


class Posteriors(Request):
    """Which methods, at which cost, on which exact cases."""

    model_config = example({"methods": ["mmps", "diffpir"], "passes": [25, 50], "cases": ["gaussian"], "draws": 500})

    methods: Annotated[list[PosteriorMethod], Flag("--method", "May be repeated; all if left out.")] = Field(
        default=list(METHODS), min_length=1, max_length=len(METHODS), description="Posterior samplers."
    )
    passes: Annotated[
        list[Annotated[int, Field(ge=1), at_most(1000, "a comparison has a time in which someone waits")]],
        Flag("--passes", "Through the denoiser for a sample, forward and back; numbers with commas.", commas=True),
    ] = Field(default=[25, 50, 100], min_length=1, max_length=8, description="Through the denoiser, for a sample.")
    cases: Annotated[list[CaseName], Flag("--case", "May be repeated; all if left out.")] = Field(
        default=["gaussian", "clusters", "mixture", "finite"], min_length=1, max_length=4, description="Exact cases."
    )
    draws: Annotated[int, at_most(10_000, "the errors are then known to a hundredth")] = Field(
        1000, ge=100, le=100_000, description="Of each side of a comparison."
    )
    seed: Seed = 0
    out: Annotated[NewFigure | None, local] = None
    overwrite: Annotated[Overwrite, local] = False


class PosteriorsReply(Reply):
    """One cell for each method, cost and case."""

    model_config = example(
        {
            "cells": [
                {
                    "case": "gaussian",
                    "method": "mmps",
                    "passes": 50,
                    "steps": 12,
                    "calls": 12,
                    "backward": 36,
                    "c2st": 0.51,
                    "distance": 0.04,
                }
            ],
            "chance": {"gaussian": {"c2st": 0.5, "distance": 0.03}},
            "metadata": {"evidence": "exact", "draws": 2000, "seed": 0},
        }
    )

    cells: list[dict[str, Any]] = Field(
        description="passes: that were allowed. calls, backward: that were made. c2st: how often a classifier tells the "
        "draws from exact ones, 1/2 being chance. distance: sliced Wasserstein."
    )
    chance: dict[str, Any] = Field(description="By case, what two sets of exact draws give.")
    metadata: dict[str, Any]


def _asked(request: Posteriors) -> tuple[list[str], list[int], list[Any]]:
    return request.methods, request.passes, request.cases


@operation(
    "posteriors",
    PosteriorsReply,
    command="study posterior",
    route="POST /api/posteriors",
    operation_id="compare_posteriors",
    tag="studies",
    about="Each cell is a `metric` event of the job as it is made.",
    caps=(WORK,),
    progress=("comparing", "runs"),
    writes="out",
    usual="posteriors.png",
    example="reverie study posterior --method mmps --method dps --passes 25,50 --out posteriors.png.",
    python=lambda request: lines(
        "from reverie.studies.posterior import posterior",
        "",
        f"found = posterior({arguments(*_asked(request), draws=request.draws, seed=request.seed)})",
        "for cell in found.cells:",
        "    print(cell.case, cell.method, cell.passes, cell.c2st, cell.distance)",
    ),
)
def posteriors(request: Posteriors, context: Context) -> Outcome:
    """Posterior samplers against exact posteriors: how far their draws are from the truth, at as many passes through the
    denoiser.

    A Gaussian, mixtures and a set of points are measured, and what is left of them is known in closed form. The error is
    how often a classifier tells the draws of a method from exact draws (0.5 is chance), and their sliced Wasserstein
    distance.
    """
    figure = context.output(request.out, "figure", request.overwrite, "posteriors.png")
    from reverie.studies.posterior import posterior

    context.within(WORK, sum(request.passes) * request.draws * len(request.methods) * len(request.cases))
    study = posterior(
        request.methods,
        request.passes,
        request.cases,
        draws=request.draws,
        seed=request.seed,
        on_step=context.step,
        on_cell=lambda cell: context.emit("metric", dict(cell.__dict__)) if context.served else None,
    )
    pictured(study, "posterior_figure", figure, request.out is not None)
    reply = study.reply()

    def show() -> Iterator[Panel | str]:
        for case, about in study.cases.items():
            rows = [
                [c.method, str(c.passes), str(c.steps), str(c.calls), str(c.backward), f"{c.c2st:.3f}", f"{c.distance:.3f}"]
                for c in study.cells
                if c.case == case
            ]
            told, away = study.chance[case]
            rows.append(["exact draws", "", "", "", "", f"{told:.3f}", f"{away:.3f}"])
            columns = ["method", "passes", "steps", "calls", "back", "C2ST", "sliced Wasserstein"]
            yield Panel(f"{case}: {about}", columns, rows)
        yield "C2ST is how often a classifier tells draws from exact ones: 0.5 is chance, 1 is always."

    return Outcome(reply, show, {**reply, "timestamp": now()})
