"""Early stopping: the loss on examples that were set aside, always at the same t, noise and questions.

What is kept of a run is the EMA of the weights at its lowest; training ends when it has not fallen for a while. A small
cohort is easily memorised, and this is where it shows: the loss on the examples goes on falling, this one rises.
"""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from reverie.denoisers.network import Network
from reverie.process.randomness import draw, generator
from reverie.training import processes
from reverie.training.dataset import Batch, Dataset
from reverie.training.ema import EMA
from reverie.training.hardware import cuda_settings
from reverie.training.objective import losses, timesteps
from reverie.training.settings import TrainingSettings

__all__ = ["EarlyStopping", "Validator"]

LOOKS = 1024
"""Examples in one validation; fewer examples are looked at several times, with other noise."""


class EarlyStopping:
    """The averaged weights at the lowest loss so far, and the step they are of."""

    def __init__(self) -> None:
        self.loss, self.step = math.inf, 0
        self.weights: dict[str, Tensor] = {}

    def update(self, loss: float, step: int, ema: EMA) -> None:
        """Keeps the weights of this step if their loss is the lowest."""
        if loss < self.loss:
            self.loss, self.step = loss, step
            self.weights = {name: value.clone() for name, value in ema.weights.items()}


class Validator:
    """Computes the loss on the examples set aside, every so many steps; each process has some of the batches."""

    def __init__(
        self, network: Network, dataset: Dataset, settings: TrainingSettings, seed: int, device: torch.device
    ) -> None:
        module: nn.Module = copy.deepcopy(network.module).to(device).eval().requires_grad_(False)
        self.network = replace(network, module=module, autocast=None)  # losses here differ by less than bf16 rounds
        self.settings, self.device = settings, device
        self.batches: list[tuple[int, Batch, Tensor, Tensor]] = []
        path, size = network.process.schedule, min(settings.batch, LOOKS)
        order = torch.arange(LOOKS) % len(dataset)
        parts = order.split(size)
        self.parts = len(parts)
        for number in range(processes.rank(), self.parts, processes.world()):
            rows = parts[number]
            batch = dataset.batch(rows, generator(seed, "aside", number))
            t = timesteps(len(rows), path, "stratified", generator(seed, "aside t", number))
            self.batches.append((number, batch, t, draw(batch.x_0, generator(seed, "aside noise", number))))

    def due(self, step: int, steps: int) -> bool:
        """Whether to validate after step `step` of so many."""
        return step % self.settings.judge_every == 0 or step == steps

    def out_of_patience(self, step: int, lowest: EarlyStopping) -> bool:
        """Whether the loss has not fallen for `patience` validations."""
        return bool(lowest.weights) and step - lowest.step >= self.settings.patience * self.settings.judge_every

    def going_on(self, step: int, lowest: EarlyStopping) -> list[str]:
        """What is said where a run goes on to more steps than it was planned for."""
        if self.out_of_patience(step, lowest):
            return [f"the loss on what was set aside has not fallen since step {lowest.step}, so training ends as before."]
        if lowest.weights and lowest.step == step and step % self.settings.judge_every:
            return [f"the loss was judged at step {step} too, the last of those planned, and was lowest there."]
        return []

    @torch.no_grad()
    def loss(self, ema: EMA) -> float:
        """The mean over all that is measured, of the network with these weights."""
        self.network.module.load_state_dict(ema.weights)
        found = torch.zeros(self.parts, 2, dtype=torch.float64, device=self.device)
        with cuda_settings(self.device, fast=False):
            for number, batch, t, noise in self.batches:
                # Without the blend: it needs the true noise, so what it leaves of the error says nothing of sampling.
                parts, _ = losses(self.network, batch.to(self.device), t, noise.to(self.device), self.settings)
                found[number, 0], found[number, 1] = float(sum(parts.values())) * batch.measured, batch.measured
        (found,) = processes.summed([found], self.device)  # each part is of one process, so no sum depends on their number
        total, count = (sum(column) for column in found.T.tolist())
        return total / max(count, 1)
