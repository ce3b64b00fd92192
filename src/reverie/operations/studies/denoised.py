"""Who denoises in a demonstration of the reverse process: an exact denoiser, or a trained run; and the same in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, model_validator

from reverie.operations.call import arguments, lines
from reverie.operations.context import Context
from reverie.operations.fields import Guidance, RunName, Sampler, Schedule, Seed, Word
from reverie.operations.request import Flag, Request
from reverie.operations.studies.shared import LINEAR
from reverie.samplers.registry import listed

if TYPE_CHECKING:
    from reverie.studies import Denoising

__all__ = ["Denoised", "learned", "python_by", "python_reverse"]


class Denoised(Request):
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


def learned(request: Denoised, context: Context) -> Denoising:
    """The trained run as a denoiser."""
    from reverie.studies import denoising

    assert request.model is not None
    return denoising.learned(context.model(request.model), request.model, request.where or None, request.guidance)


def python_by(request: Any, denoiser: str) -> str:
    """Who denoises, in Python."""
    if request.model:
        asked = {"where": getattr(request, "where", None) or None, "guidance": getattr(request, "guidance", None)}
        more = arguments(**{name: value for name, value in asked.items() if value is not None})
        return f"learned(reverie.load({request.model!r}), {request.model!r}{', ' if more else ''}{more})"
    size = arguments(request.width, request.height)
    return f'oracle(subject("picture.png"), {size})' if denoiser == "oracle" else f"{denoiser}({size})"


def python_reverse(request: Any, steps: int) -> str:
    """The same run, in Python."""
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
