"""The first stage of latent diffusion: an autoencoder of the pictures; and pictures as its latents, for the second.

All that is random at step k is a function of (seed, k), as in the second stage, so this one resumes bit for bit too. Every
process of several computes it alone, the same.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from reverie.denoisers.autoencoder import Autoencoder, Coder, LatentSettings, reconstruction, rows_at_a_time
from reverie.process.randomness import generator
from reverie.training import checkpoint, processes
from reverie.training.average import Average
from reverie.training.checkpoint import TrainingState
from reverie.training.examples import Examples
from reverie.training.loop import CHECKPOINT_SECONDS, Listener, Mark
from reverie.training.metrics import Metrics
from reverie.training.objective import Batch
from reverie.training.order import batch_indices
from reverie.training.plan import Plan
from reverie.training.stopping import Stopped, stop_signals

__all__ = ["FOLDER", "InLatents", "fit_autoencoder", "seconds_per_autoencoder_step"]

FOLDER = "autoencoder"
"""Of a run: where the checkpoints and the numbers of the first stage are."""

EMA, WARMUP, LOG_EVERY = 0.99, 50, 20
MEASURED = 4096
"""Pictures at most that scale, shift and error are measured on."""


def fit_autoencoder(
    run: Path,
    module: Autoencoder,
    examples: Examples,
    settings: LatentSettings,
    seed: int,
    device: torch.device,
    listener: Listener,
    plan: Plan,
) -> dict[str, float]:
    """Trains the module in place, gives its latents unit scale, and returns its error on pictures it did not learn from.

    The plan says how many steps, and afterwards how many there were.

    Raises Stopped after a signal, with a checkpoint written; DamagedError where there are checkpoints and none is whole.
    """
    folder = run / FOLDER
    state = _begin(module, settings, device, plan)
    if path := checkpoint.latest(folder / "checkpoints", listener.say):
        checkpoint.restore(path, state)
    learned, unseen = _split(len(examples), settings.aside, seed)
    if state.step == 0:
        module.begin(_some(examples, learned))
        state.average.load(module.state_dict())
    chief = processes.rank() == 0
    metrics = Metrics(folder, state.step) if chief else None
    saved = Mark(state.step)
    try:
        with stop_signals() as stop:
            work = _steps(state, examples, learned, settings, seed, device)
            while state.step < plan.steps:
                parts = next(work)
                step = state.step
                plan.keep(step, device)
                steps = plan.steps
                if metrics and (step % LOG_EVERY == 0 or step in (1, steps)):
                    metrics.write(step, {"loss": sum(parts.values()), **{f"loss/{k}": v for k, v in parts.items()}})
                listener.on_step(step, steps)
                stopped = processes.any_of(stop.number, device)
                if chief and (saved.seconds >= CHECKPOINT_SECONDS or stopped or step == steps):
                    checkpoint.save(folder / "checkpoints", state)
                    saved = Mark(step)
                if stopped and step < steps:
                    raise Stopped(
                        f"stopped at step {step} of {steps} of the autoencoder, saved; go on with --resume.", stopped
                    )
        module.load_state_dict(state.average.weights)
        module.eval()
        module.to_unit_scale(rows_at_a_time(lambda x: module.posterior(x.to(device))[0], _some(examples, learned)))
        found = reconstruction(module, _some(examples, unseen).to(device))
        if metrics:
            metrics.write(plan.steps, found)
    finally:
        if metrics:
            metrics.close()
    return found


def seconds_per_autoencoder_step(
    module: Autoencoder, examples: Examples, settings: LatentSettings, device: torch.device, seconds: float = 1.0
) -> float:
    """The median time of a step, measured on a module that is thrown away."""
    state = _begin(module, settings, device, Plan(((0, 1_000_000),)))
    work, times = _steps(state, examples, torch.arange(len(examples)), settings, 0, device), []
    deadline = time.monotonic() + seconds
    while len(times) < 2 or time.monotonic() < deadline:
        began = time.monotonic()
        next(work)
        times.append(time.monotonic() - began)
    return median(times[1 + len(times) // 5 :])


def _begin(module: Autoencoder, settings: LatentSettings, device: torch.device, plan: Plan) -> TrainingState:
    module.to(device).train()
    optimizer = torch.optim.AdamW(module.parameters(), lr=settings.learning_rate, weight_decay=0.0, fused=True)
    return TrainingState(module, Average(module, EMA), optimizer, torch.amp.GradScaler(device.type, enabled=False), plan)


def _steps(
    state: TrainingState, examples: Examples, rows: Tensor, settings: LatentSettings, seed: int, device: torch.device
) -> Iterator[dict[str, float]]:
    """Does one optimiser step each time it is asked; `state.step` counts them. Yields the parts of the loss."""
    module = state.module
    assert isinstance(module, Autoencoder)
    batch = min(settings.batch, len(rows))
    while True:
        step = state.step
        indices = rows[batch_indices(seed, step, batch, len(rows))]
        x = examples.batch(indices, generator(seed, "autoencoder examples", step)).x_0
        size = (len(x), module.channels, *(-(-side // module.factor) for side in x.shape[2:]))
        noise = torch.randn(size, generator=generator(seed, "autoencoder noise", step))
        parts = module.loss(x.to(device).contiguous(memory_format=torch.channels_last), noise.to(device), settings)
        rate = min(1.0, (step + 1) / WARMUP) * 0.5 * (1 + math.cos(math.pi * state.plan.progress(step)))
        for group in state.optimizer.param_groups:
            group["lr"] = settings.learning_rate * rate
        state.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(parts.values())).sum().backward()
        norm = torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0, foreach=True)
        if math.isfinite(float(norm)):
            state.optimizer.step()
            state.average.update(module, step + 1)
        state.step = step + 1
        yield {name: float(value.detach()) for name, value in parts.items()}


def _split(count: int, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Which examples are learned from, and which the error is measured on; a single one is both."""
    order = torch.randperm(count, generator=generator(seed, "autoencoder aside"))
    aside = min(max(1, round(share * count)), count - 1)
    return (order[aside:], order[:aside]) if aside else (order, order)


def _some(examples: Examples, rows: Tensor) -> Tensor:
    return examples.batch(rows[:MEASURED].sort().values, generator(0, "as they are")).x_0


@dataclass(frozen=True, eq=False)
class InLatents:
    """Examples whose pictures are given as latents, encoded once.

    Attributes:
        examples: pictures, as they are.
        coder: makes latents of them.
        flip: give the latents of the mirrored picture with probability 1/2.
    """

    examples: Examples
    coder: Coder
    device: torch.device
    flip: bool = False

    def __len__(self) -> int:
        return len(self.examples)

    def batch(self, indices: Tensor, generator: torch.Generator) -> Batch:
        given = self.examples.batch(indices, generator).given
        which = torch.zeros(len(indices), dtype=torch.long)
        if self.flip:
            which = torch.randint(2, (len(indices),), generator=generator)
        return Batch(self.latents[which, indices], given=given)

    @cached_property
    def latents(self) -> Tensor:
        """[1 or 2, N, channels, h, w] on the CPU, the second of the mirrored pictures."""
        pictures = (self.examples.batch(rows, generator(0, "as they are")).x_0 for rows in self._parts())
        sides = [self._encoded(x) for x in pictures]
        return torch.cat(sides, 1)

    def _encoded(self, x: Tensor) -> Tensor:
        both = [x, x.flip(-1)] if self.flip else [x]
        with torch.no_grad():
            return torch.stack([self.coder.encode(side.to(self.device)).cpu() for side in both])

    def _parts(self) -> tuple[Tensor, ...]:
        return torch.arange(len(self)).split(64)
