"""Trajectories, comparisons of samplers, proofs and mistakes."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from reverie.service.schemas.parts import Reply, Request, RunName, Sampler, Schedule, Seed, Word, example

__all__ = [
    "Comparison",
    "ComparisonReply",
    "Mistakes",
    "MistakesReply",
    "Proofs",
    "ProofsReply",
    "Trajectory",
    "TrajectoryReply",
]

Denoiser = Literal["exact", "grainy", "oracle"]
Steps = Annotated[int, Field(ge=1, le=200)]


class Trajectory(Request):
    """One reverse process with all of its states."""

    model_config = example({"denoiser": "oracle", "picture": "digits:3", "width": 32, "height": 32, "steps": 20})

    model: RunName | None = Field(None, description="A trained run of pictures; without it `denoiser` answers.")
    denoiser: Denoiser = Field(
        "exact",
        description="exact: the optimal denoiser of six photographs; grainy: likewise, of photographs with grain; oracle: "
        "is told the picture.",
    )
    picture: str | None = Field(
        None,
        min_length=1,
        description="What the oracle knows: digits:3, china, flower, a file of the workspace, or a data URL.",
        examples=["digits:3"],
    )
    width: int = Field(64, ge=8, le=256, description="Pixels; a model sets its own.")
    height: int = Field(64, ge=8, le=256, description="Pixels; a model sets its own.")
    sampler: Sampler = "ddim"
    steps: int = Field(50, ge=1, le=200)
    eta: float = Field(0.0, ge=0, le=1, description="Of ddim: 0 is deterministic, 1 ancestral.")
    schedule: Schedule | None = Field(None, description="Linear with T = 1000 if left out; a model has its own.")
    where: list[Word] = Field(
        default=[], max_length=1, description="Of a model with classes: class=NAME.", examples=[["class=3"]]
    )
    guidance: float | None = Field(
        None, ge=0, le=10, description="Of a model: how strongly the picture is of its class; 1 as learned."
    )
    seed: Seed = 0

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.model is None and {"where", "guidance"} & self.model_fields_set:
            raise ValueError("a class and guidance are told to a model: name one, or leave out where and guidance")
        told = {"width", "height", "schedule", "picture", "denoiser"} & self.model_fields_set
        if self.model is not None and told:
            raise ValueError(f"a model is the denoiser, with its own size and schedule: leave out {min(told)}")
        if self.picture is not None and self.denoiser != "oracle":
            raise ValueError("only an oracle is told a picture: leave out picture, or set denoiser to oracle")
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
                "denoiser": "oracle that is told digits:3",
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


class Comparison(Request):
    """A grid of samplers and numbers of steps, all from one noise."""

    model_config = example({"samplers": ["ddim", "dpmpp", "heun"], "steps": [5, 10, 20], "reference_steps": 100})

    model: RunName | None = Field(None, description="A trained run of pictures; without it an exact denoiser answers.")
    width: int = Field(32, ge=8, le=128, description="Pixels; a model sets its own.")
    height: int = Field(32, ge=8, le=128, description="Pixels; a model sets its own.")
    samplers: list[Sampler] = Field(default=["ddim", "dpmpp", "heun", "ancestral"], min_length=1, max_length=6)
    steps: list[Steps] = Field(default=[5, 10, 20, 50], min_length=1, max_length=8)
    reference_steps: int = Field(200, ge=20, le=1000)
    seed: Seed = 0

    @model_validator(mode="after")
    def _fits(self) -> Self:
        told = {"width", "height"} & self.model_fields_set
        if self.model is not None and told:
            raise ValueError(f"a model has its own size: leave out {min(told)}")
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


class Proofs(Request):
    """Which chapters to prove."""

    model_config = example({"chapters": ["forward", "reverse"]})

    chapters: list[Annotated[str, Field(min_length=1, max_length=40)]] = Field(
        default=[],
        max_length=20,
        description="forward, variance, reverse, mean, conversion, schedule, sampler, bound, loss; all if empty.",
    )


class ProofsReply(Reply):
    """Each identity, checked now."""

    model_config = example(
        {
            "checks": [
                {
                    "name": "forward/bayes",
                    "compared": "posterior | Bayes' rule, at every t",
                    "largest_error": 3e-16,
                    "tolerance": 1e-11,
                    "passed": True,
                }
            ]
        }
    )

    checks: list[dict[str, Any]]


class Mistakes(Request):
    """All known mistakes; there is nothing to choose."""

    model_config = example({})


class MistakesReply(Reply):
    """Each mistake, with the damage measured now."""

    model_config = example(
        {
            "mistakes": [
                {
                    "number": "1",
                    "where": "the course",
                    "wrong": "...",
                    "right": "...",
                    "damage": "error 204 at t = 1000",
                    "numbers": {"error": 204.0},
                    "shown": True,
                }
            ]
        }
    )

    mistakes: list[dict[str, Any]]
