"""A training that was asked for, from its request to its end: options, progress, what a service admits, processes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reverie.operations.context import Context, Folder
from reverie.operations.declare import Cap

if TYPE_CHECKING:
    from reverie.config import RunConfig
    from reverie.operations.training import Training
    from reverie.planning import Options
    from reverie.training import Callbacks

__all__ = ["BATCH", "WEIGHTS", "by_several", "callbacks_of", "here", "options_of", "reading", "weights_of"]

POINTS = 400
"""Metric events of a run, more or less."""
BATCH = Cap("training.batch", 4096, "set a smaller one, or training.accumulate")
WEIGHTS = Cap("the number of weights", 100_000_000, "set a smaller width, or fewer layers")


def here(
    request: Training, context: Context, source: Any, options: Options, callbacks: Callbacks, since: float, device: str
) -> tuple[dict[str, Any], tuple[int, str]]:
    """Trains in this process: what was trained, in short, and what to sample first."""
    from reverie.planning.plan import prepare

    plan = prepare(
        source,
        options,
        callbacks,
        since=since,
        measure=not context.served,
        admit=lambda config, channels: admit(context, config, channels),
    )
    return plan.summary(plan.run(callbacks)), plan.source.modality.sampled


def by_several(
    request: Training, context: Context, source: Any, options: Options, callbacks: Callbacks, since: float, device: str
) -> tuple[dict[str, Any], tuple[int, str]]:
    """The same by several processes."""
    from reverie.planning.together import train_together

    made = train_together(
        source,
        options,
        request.processes or 1,
        callbacks,
        engine=request.engine,
        address=request.address,
        since=since,
        measure=True,
        device=device,
    )
    return made["summary"], made["sampled"]


def reading(request: Training, context: Context, options: Options) -> dict[str, Any]:
    """How a service reads the source: where the run begins from another, a table as that one's was."""
    if not context.served or options.parent is None:
        return request.data_options
    from reverie.planning.origin import inherited

    return request.data_options | inherited(options.parent.codec)


def options_of(request: Training, context: Context, folder: Folder) -> Options:
    """What was asked, by the names of planning; a service has read the source, and loads the parent itself."""
    from reverie.planning import Options

    return Options(
        out=folder.path,
        steps=request.steps,
        minutes=request.minutes,
        seed=request.seed,
        recipe=request.recipe,
        settings=request.all_settings,
        holdout=request.holdout,
        resume=folder.resume,
        parent=None if request.parent is None else context.model(request.parent) if context.served else request.parent,
        force=folder.overwrite,
        latent=request.latent,
        lora=request.lora,
        epsilon=request.epsilon,
        **({} if context.served else request.data_options),
    )


def callbacks_of(context: Context, folder: Folder) -> Callbacks:
    """Reports progress, sentences and numbers, and notes that the run has begun."""
    from reverie.training import Callbacks

    last, total = 0, 0

    def on_step(done: int, of: int) -> None:
        nonlocal total
        if total != of:
            folder.begun()
        total = of
        context.step(done, of)

    def on_numbers(step: int, numbers: Mapping[str, float]) -> None:
        nonlocal last
        if "loss_aside" in numbers:
            context.emit("metric", {"step": step, "loss_aside": numbers["loss_aside"]})
        elif step >= last + total // POINTS or step == 1:
            last = step
            context.emit("metric", {"step": step, "loss": numbers["loss"], "gradient_norm": numbers["gradient_norm"]})

    return Callbacks(on_step, context.say, on_numbers)


def admit(context: Context, config: RunConfig, channels: int) -> None:
    """Raises UsageError for what a service does not train."""
    if context.served:
        context.within(BATCH, config.training.batch)
        context.within(WEIGHTS, weights_of(config, channels))


def weights_of(config: RunConfig, channels: int) -> int:
    """How many weights a network has. Nothing is allocated to find out."""
    import torch

    with torch.device("meta"):
        return sum(weight.numel() for weight in config.network.build(channels, channels).parameters())
