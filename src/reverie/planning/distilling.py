"""A run of one to four calls made of a trained one, by the same plan as any training: see sources/teacher.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from reverie.config import RunConfig
from reverie.modality import IMAGES
from reverie.models import Model, PictureModel, load
from reverie.planning.options import Options
from reverie.planning.plan import Plan, prepare
from reverie.sources.teacher import Teacher
from reverie.training import Callbacks

__all__ = ["STEPS", "distill", "plan"]

STEPS = 2000
"""Of training, where no budget is given."""


def distill(
    run: str | Path | PictureModel,
    out: str | Path | None = None,
    *,
    callbacks: Callbacks | None = None,
    since: float | None = None,
    **options: Any,
) -> PictureModel:
    """Teaches a new run to make, in one to four calls of its network, what a trained run of pictures makes in many.

    Args:
        run: the trained run, its folder or model.
        out: the run folder of the new one; a temporary one if left out.
        callbacks, since: as of train.
        options: calls, 1 to 4; steps or minutes, the budget; guidance, which becomes part of what is learned; seed; resume;
            force. See `plan`.

    Raises UsageError for a run that cannot be distilled, and what train raises.
    """
    made = plan(run, out, callbacks, since=since, **options).run(callbacks)
    assert isinstance(made, PictureModel)
    return made


def plan(
    run: str | Path | PictureModel,
    out: str | Path | None = None,
    callbacks: Callbacks | None = None,
    *,
    calls: int = 1,
    steps: int | None = None,
    minutes: float | None = None,
    guidance: float | None = None,
    seed: int = 0,
    resume: bool = False,
    force: bool = False,
    since: float | None = None,
    admit: Callable[[RunConfig, int], None] = lambda config, channels: None,
) -> Plan:
    """The plan of a distillation; nothing is written.

    Args:
        calls: of the network for a picture, at most; a divisor of it will do too.
        steps, minutes: the budget, STEPS if both are left out.
        guidance: that the run draws with as it teaches; none for as it learned.
        seed: of all that is random here. That of the config stays the run's own, by which its pictures were held out.
        resume, force: go on with the run in `out`, or replace it.
        since, admit: see prepare.
    """
    model = run if isinstance(run, Model) else load(run, "cpu")
    name = Path(run).name if isinstance(run, str | Path) else "the model" if model.path is None else model.path.name
    model.modality.check_model(name, IMAGES, ", which are made in several stages")
    assert isinstance(model, PictureModel)
    planned = STEPS if steps is None and minutes is None and not resume else steps
    options = Options(out, planned, minutes, model.config.seed, resume=resume, force=force, parent=model)
    return prepare(Teacher(model, name, calls, guidance, seed), options, callbacks, since=since, admit=admit)
