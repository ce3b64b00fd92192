"""The update that trains a denoiser: a step down the gradient of one batch, of which each process has its rows."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial

import torch

from reverie.denoisers.dropout import Piece, drawn_by
from reverie.denoisers.network import Network
from reverie.errors import ReverieError
from reverie.process.randomness import generator, sub_seed
from reverie.training import advice, processes
from reverie.training.blocks import Drawn, drawn
from reverie.training.budget import Budget
from reverie.training.dataset import Dataset, batch_indices
from reverie.training.ema import EMA
from reverie.training.hardware import autocast_dtype
from reverie.training.objective import losses, noise_accuracy, timesteps
from reverie.training.optimizer import learning_rate, optimizer_of
from reverie.training.settings import TrainingSettings
from reverie.training.update import StepReport, TrainingState, Update

__all__ = ["PlainUpdate"]


@dataclass(frozen=True, eq=False)
class PlainUpdate(Update):
    """Trains the module of a network, in place."""

    network: Network
    dataset: Dataset
    settings: TrainingSettings
    seed: int
    device: torch.device

    @property
    def log_every(self) -> int:
        return self.settings.log_every

    @property
    def checkpoint_every(self) -> int | None:
        return self.settings.checkpoint_every

    def begin(self, budget: Budget) -> TrainingState:
        module = self.network.module.to(self.device).train()
        if self.settings.gradient_checkpointing:
            module.checkpointing = True  # pyright: ignore[reportArgumentType]
        scaler = torch.amp.GradScaler(self.device.type, enabled=self.settings.precision == "fp16")
        return TrainingState(module, EMA(module, self.settings.ema), optimizer_of(module, self.settings), budget, scaler)

    def prepare(self, state: TrainingState) -> Iterable[str]:
        return advice.about_data(self.drawn(0, processes.share(self.settings.batch)).batch, self.network.process.schedule)

    def going_on(self, state: TrainingState, planned: int) -> Iterable[str]:
        return [advice.about_more(self.settings, state.step, state.budget, planned)]

    def watch(self) -> Callable[[int, StepReport], Iterable[str]]:
        return advice.Watch(self.settings)

    def out_of_memory(self, error: BaseException) -> ReverieError | None:
        return advice.out_of_memory(error, self.settings)

    @cached_property
    def trained(self) -> Network:
        """The network in the precision of training."""
        return replace(self.network, autocast=autocast_dtype(self.settings.precision, self.device))

    def step(self, state: TrainingState) -> StepReport:
        settings, seed, step, device = self.settings, self.seed, state.step, self.device
        path = self.network.process.schedule
        mine = processes.share(settings.batch, settings.accumulate)
        drawn = self.drawn(step, mine)
        t = timesteps(settings.batch, path, settings.timesteps, generator(seed, "t", step))
        rate = learning_rate(settings, step, state.budget)
        state.begin_step(rate)
        totals: dict[str, float] = defaultdict(float)
        accuracy: Callable[[], dict[str, float]] = dict
        # A part counts by what is measured in it, so the loss is the mean over the whole batch however it is cut.
        measured = drawn.batch.measured
        for rows in processes.cut(mine, settings.accumulate):
            part, eps, u = drawn[rows]
            part, eps, u = part.to(device), eps.to(device), None if u is None else u.to(device)
            levels = t[rows.start : rows.stop]
            with self.dropout(step, drawn.pieces(rows)):
                terms, prediction = losses(self.trained, part, levels, eps, settings, u)
                weight = part.measured / max(measured, 1)
                loss = torch.stack(list(terms.values())).sum() * weight
                state.scaler.scale(loss).backward()
            for name, value in terms.items():
                totals[name] += float(value.detach()) * weight
            accuracy = partial(noise_accuracy, prediction, eps, levels, path, part.mask)
        totals = processes.average(state.module.parameters(), measured, totals)
        state.scaler.unscale_(state.optimizer)
        limit = settings.clip_norm or math.inf
        norm = float(torch.nn.utils.clip_grad_norm_(state.module.parameters(), limit, foreach=True))
        scaling = state.scaler.is_enabled()
        if scaling or (math.isfinite(norm) and all(map(math.isfinite, totals.values()))):
            state.take_step()
        norm = norm if math.isfinite(norm) or not scaling else 0.0
        total = sum(totals.values())

        def numbers() -> dict[str, float]:
            return {
                "loss": total,
                **{f"loss/{name}": value for name, value in totals.items()},
                "gradient_norm": norm,
                "learning_rate": rate,
                **{f"noise_accuracy/{level}": value for level, value in accuracy().items()},
            }

        return StepReport(total, norm, numbers, settings.batch)

    def drawn(self, step: int, rows: range) -> Drawn:
        """Some rows of the batch of step 0, 1, ..., and what is random about them."""
        indices = batch_indices(self.seed, step, self.settings.batch, len(self.dataset))
        return drawn(self.dataset, indices, rows, self.seed, step, self.settings.blend)

    @contextmanager
    def dropout(self, step: int, pieces: Sequence[Piece]) -> Iterator[None]:
        """Makes dropout a function of (seed, step, block); and what other modules draw from torch's global generators one of
        (seed, step, process)."""
        with torch.random.fork_rng([self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(sub_seed(self.seed, "others", step, processes.rank(), pieces[0].seed))
            with drawn_by(self.network.module, pieces):
                yield
