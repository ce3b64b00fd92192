"""Early stopping: the loss on examples that were set aside, always at the same t, noise and questions.

What is kept of a run is the average of the weights at its lowest; training ends when it has not fallen for a while. A small
cohort is easily learned by heart, and this is where it shows: the loss on the examples goes on falling, this one rises.
"""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import nn

from reverie.denoisers.network import Network
from reverie.process.randomness import draw, generator
from reverie.training.average import Average
from reverie.training.examples import Examples
from reverie.training.hardware import cuda_settings
from reverie.training.objective import losses, timesteps
from reverie.training.settings import TrainingSettings

__all__ = ["Judge"]

LOOKS = 1024
"""Examples in one judgement; fewer examples are looked at several times, with other noise."""


class Judge:
    """Computes the loss on the examples set aside."""

    def __init__(
        self, network: Network, examples: Examples, settings: TrainingSettings, seed: int, device: torch.device
    ) -> None:
        module: nn.Module = copy.deepcopy(network.module).to(device).eval().requires_grad_(False)
        self.network = replace(network, module=module, autocast=None)  # judgements differ by less than bf16 rounds
        self.settings, self.device = settings, device
        self.batches = []
        T, size = network.process.schedule.steps, min(settings.batch, LOOKS)
        order = torch.arange(LOOKS) % len(examples)
        for number, rows in enumerate(order.split(size)):
            batch = examples.batch(rows, generator(seed, "aside", number))
            t = timesteps(len(rows), T, "stratified", generator(seed, "aside t", number))
            self.batches.append((batch, t, draw(batch.x_0, generator(seed, "aside noise", number))))

    @torch.no_grad()
    def loss(self, average: Average) -> float:
        """The mean over all that is measured, of the network with these weights."""
        self.network.module.load_state_dict(average.weights)
        total = count = 0.0
        with cuda_settings(self.device, fast=False):
            for batch, t, noise in self.batches:
                # Without the blend: it needs the true noise, so what it leaves of the error says nothing of sampling.
                parts, _ = losses(self.network, batch.to(self.device), t, noise.to(self.device), self.settings)
                total += float(sum(parts.values())) * batch.measured
                count += batch.measured
        return total / max(count, 1)
