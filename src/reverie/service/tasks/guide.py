"""The guide's demonstrations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reverie.service.schemas import guide as schemas
from reverie.service.schemas.parts import within
from reverie.service.tasks import inputs, outputs

if TYPE_CHECKING:
    from reverie.service.jobs.work import Work

__all__ = ["analyse", "forward", "reverse"]

PIXELS = 8_000_000
"""States x pixels of one reply."""
VIEW = 256


def analyse(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """A picture at evenly chosen steps."""
    told = schemas.Analyse.model_validate(arguments)
    outputs.reserve(work, told.output_path, (".png",), told.overwrite)
    from reverie import studies

    found = inputs.picture(work, told.image_path, told.image_base64, told.max_side)
    _check(told.num_steps, found.pixels.shape)
    study = studies.analyse(found, told.num_steps, inputs.schedule(told.schedule), told.seed)
    reply = study.reply(images=True)
    wanted = told.output_path is not None or bool(told.save_visualization)
    reply["metadata"] |= _more(work, study, "filmstrip", told.output_path, told.overwrite, wanted)
    return {"analysis": reply, "timestamp": outputs.now()}


def forward(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """A picture at the steps asked for."""
    told = schemas.Forward.model_validate(arguments)
    outputs.reserve(work, told.save_path, (".png",), told.overwrite)
    from reverie import studies

    found = inputs.picture(work, told.image_path, told.image_base64, told.max_side)
    _check(len(told.timesteps), found.pixels.shape)
    study = studies.forward(found, told.timesteps, inputs.schedule(told.schedule), told.seed)
    reply = study.reply(images=True)
    reply["metadata"] |= _more(work, study, "filmstrip", told.save_path, told.overwrite, told.save_path is not None)
    return {**reply, "timestamp": outputs.now()}


def reverse(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """From noise to a picture, by the exact denoiser or a trained run."""
    told = schemas.Reverse.model_validate(arguments)
    outputs.reserve(work, told.save_path, (".png",), told.overwrite)
    from reverie import studies
    from reverie.studies import denoising

    if told.model is None:
        by = denoising.exact(told.width, told.height, inputs.schedule(told.schedule))
    else:
        by = denoising.learned(inputs.model(work, told.model), told.model)
    study = studies.reverse(
        steps=told.num_steps,
        eta=told.eta,
        sampler=told.sampler,
        by=by,
        seed=told.seed,
        on_step=work.step,
    )
    reply = study.reply(images=True, largest=VIEW)
    more = _more(work, study, "reverse_strip", told.save_path, told.overwrite, told.save_path is not None)
    reply["metadata"] |= {**more, "seconds": study.seconds}
    return {**reply, "timestamp": outputs.now()}


def _check(states: int, shape: tuple[int, ...]) -> None:
    remedy = "ask for fewer states, or a smaller max_side"
    within("states x width x height", states * shape[0] * shape[1], PIXELS, remedy)


def _more(work: Work, study: Any, draw: str, name: str | None, overwrite: bool, wanted: bool) -> dict[str, Any]:
    """The schedule's warning, and the figure if one is wanted."""
    files = []
    if wanted:
        from reverie.studies import figures

        files = [outputs.figure(work, getattr(figures, draw)(study), name, overwrite)]
    return {"files": files, "warning": study.schedule.warning}
