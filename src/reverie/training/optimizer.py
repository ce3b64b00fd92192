"""Which optimiser, by setting, and its learning rate at each step."""

from __future__ import annotations

import math

from torch import nn
from torch.optim import Optimizer

from reverie.training.budget import Budget
from reverie.training.eager import Adam, AdamW
from reverie.training.muon import Muon
from reverie.training.settings import TrainingSettings

__all__ = ["learning_rate", "optimizer_of"]


def optimizer_of(module: nn.Module, settings: TrainingSettings) -> Optimizer:
    """The optimiser of those of a module's weights that are trained, before its first step."""
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    rate, decay = settings.learning_rate, settings.weight_decay
    match settings.optimizer:
        case "adamw":
            return AdamW(weights, lr=rate, weight_decay=decay, fused=True)
        case "adam":
            return Adam(weights, lr=rate, fused=True)
        case "muon":
            return Muon(weights, rate, decay)


def learning_rate(settings: TrainingSettings, step: int, budget: Budget) -> float:
    """The learning rate of step 0, 1, ...: a linear rise, then constant or half a cosine down to 0."""
    rise = min(1.0, (step + 1) / (settings.warmup + 1))
    if settings.decay == "constant":
        return settings.learning_rate * rise
    return settings.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * budget.progress(step, settings.warmup)))
