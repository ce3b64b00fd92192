"""Trajectories, comparisons of samplers, proofs and mistakes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from reverie.service.schemas import studies as schemas
from reverie.service.schemas.parts import within
from reverie.service.tasks import inputs

if TYPE_CHECKING:
    from reverie.service.jobs.work import Work
    from reverie.studies import Denoising

__all__ = ["comparison", "mistakes", "proofs", "trajectory"]

FRAMES = 4_000_000
"""Steps x pixels of one trajectory."""
CALLS = 60_000_000
"""Calls of an exact denoiser x pixels of one comparison."""
NETWORK_CALLS = 2_000_000
"""Calls of a network x pixels of one comparison."""
OWN = "picture"


def trajectory(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """A reverse process with every state of it."""
    told = schemas.Trajectory.model_validate(arguments)
    from reverie import studies
    from reverie.images import data_url

    by = _denoising(work, told)
    remedy = "ask for fewer steps, or smaller pictures"
    calls = told.steps * (1 if told.guidance is None else 2)
    within("steps x width x height", calls * by.codec.width * by.codec.height, FRAMES, remedy)
    study = studies.reverse(
        steps=told.steps,
        eta=told.eta,
        sampler=told.sampler,
        by=by,
        seed=told.seed,
        views=None,
        on_step=work.step,
    )
    return {
        "steps": [dataclasses.asdict(step) for step in study.steps],
        "frames": [
            {
                "step": view.step,
                "t": view.t,
                "state": data_url(view.state, noisy=view.t > 0),
                "predicted": None if view.predicted is None else data_url(view.predicted),
            }
            for view in study.views
        ],
        "metadata": {**study.about, "seconds": study.seconds, "warning": study.schedule.warning},
    }


def _denoising(work: Work, told: schemas.Trajectory) -> Denoising:
    from reverie.studies import denoising

    if told.model is not None:
        return denoising.learned(inputs.model(work, told.model), told.model, told.where or None, told.guidance)
    schedule = inputs.schedule(told.schedule)
    if told.denoiser != "oracle":
        make = denoising.exact if told.denoiser == "exact" else denoising.grainy
        return make(told.width, told.height, schedule)
    given = told.picture or "digits:0"
    encoded = given if given.startswith("data:") else None
    found = inputs.picture(work, None if encoded else given, encoded, 512, OWN)
    return denoising.oracle(found, told.width, told.height, schedule)


def comparison(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """Samplers and numbers of steps beside each other; each cell is told as it is made."""
    told = schemas.Comparison.model_validate(arguments)
    from reverie import studies
    from reverie.studies import denoising

    if told.model is None:
        by, most = denoising.grainy(told.width, told.height), CALLS
    else:
        by, most = denoising.learned(inputs.model(work, told.model), told.model), NETWORK_CALLS
    remedy = "take fewer samplers or steps, a smaller reference_steps or smaller pictures"
    within("calls of the denoiser x width x height", told.calls * by.codec.width * by.codec.height, most, remedy)
    study = studies.compare(
        told.samplers,
        told.steps,
        by,
        reference_steps=told.reference_steps,
        seed=told.seed,
        on_step=work.step,
        on_cell=lambda cell: work.emit("metric", cell.reply(images=True)),
    )
    return study.reply(images=True)


def proofs(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """The identities of some chapters, or of all, checked now."""
    told = schemas.Proofs.model_validate(arguments)
    from reverie.studies.proofs import CHAPTERS, prove

    known = list(dict.fromkeys(chapter.name for chapter in CHAPTERS))
    wanted = [name for name in known if name in told.chapters] if told.chapters else known
    if strange := set(told.chapters) - set(known):
        prove(min(strange))  # says which there are
    checks = []
    for done, name in enumerate(wanted):
        work.step(done, len(wanted))
        checks += [dataclasses.asdict(check) for check in prove(name)]
    return {"checks": checks}


def mistakes(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """The known mistakes, each run beside its right form."""
    schemas.Mistakes.model_validate(arguments)
    from reverie.studies.mistakes import mistakes as run_all

    return {"mistakes": [dataclasses.asdict(mistake) for mistake in run_all(work.step)]}
