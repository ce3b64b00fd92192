"""A training by several processes: each prepares and runs the same plan, described by plain data.

What is read is named by its path, which every machine has to see; so is the run folder, which the first process writes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from reverie.errors import UsageError
from reverie.planning.options import Options
from reverie.planning.plan import prepare
from reverie.training import Callbacks, crew, processes, ray_train
from reverie.training.crew import Hear, Task

__all__ = ["member", "train_together"]

PATHS = ("schema", "holdout", "cache", "parent", "conditions")


def train_together(
    source: Any,
    options: Options,
    count: int,
    callbacks: Callbacks,
    *,
    engine: str | None = None,
    address: str | None = None,
    since: float,
    measure: bool = False,
    device: str = "auto",
) -> dict[str, Any]:
    """Trains by `count` processes, and returns what Plan.summary says and what the source's kind is called.

    Args:
        engine: "ray" for actors of the cluster at `address`; else processes of this machine.
        since, measure: see planning.prepare.

    Raises UsageError for a source that is no name, and what a training raises.
    """
    options.check_out()
    if not isinstance(source, str | Path):
        raise UsageError("several processes read the source each for itself: give the name of a file or folder.")
    if options.out is None:
        raise UsageError("several processes write one run folder: give its name.")
    out = str(Path(options.out).absolute())
    own = {field.name: getattr(options, field.name) for field in fields(options)}
    said = {name: value for name, value in own.items() if value is not None}
    data = {
        "source": _absolute(source),
        "options": said | {"out": out} | {name: _absolute(said[name]) for name in PATHS if name in said},
        "began": time.time() - (time.monotonic() - since),
        "measure": measure,
    }
    task = Task("reverie.planning.together:member", data, device)

    def hear(message: Mapping[str, Any]) -> None:
        if "say" in message:
            callbacks.log(message["say"])
        elif "step" in message:
            callbacks.on_step(*message["step"])
        else:
            callbacks.on_numbers(*message["numbers"])

    made = ray_train.together(task, count, hear, address) if engine == "ray" else crew.together(task, count, hear)
    named = str(options.out)  # as the user named it
    summary = {key: named + x[len(out) :] if str(x).startswith(out) else x for key, x in made["summary"].items()}
    return made | {"summary": summary}


def member(data: Mapping[str, Any], tell: Hear) -> dict[str, Any]:
    """The part of one process."""
    callbacks = Callbacks(
        lambda done, total: tell({"step": [done, total]}),
        lambda sentence: tell({"say": sentence}),
        lambda step, numbers: tell({"numbers": [step, dict(numbers)]}),
    )
    own: dict[str, Any] = data["options"]
    listed: Any = {name: tuple(value) if isinstance(value, list) else value for name, value in own.items()}
    since = time.monotonic() - (time.time() - data["began"])
    plan = prepare(
        data["source"],
        Options(**listed),
        callbacks,
        since=since,
        measure=data["measure"],
    )
    model = plan.run(callbacks)
    if processes.rank():
        return {}
    return {"summary": plan.summary(model), "sampled": plan.source.modality.sampled}


def _absolute(name: Any) -> Any:
    """A name of what is here as every process sees it, wherever it works; what is none (pbc2, a share) as it is."""
    if not isinstance(name, str | Path):
        return name
    path = Path(name)
    return str(path.absolute()) if path.exists() or path.parent != Path() or path.suffix else str(name)
