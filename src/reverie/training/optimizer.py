"""Which optimiser, by setting."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import Optimizer

from reverie.training.muon import Muon
from reverie.training.settings import TrainingSettings

__all__ = ["optimizer_of"]


def optimizer_of(module: nn.Module, settings: TrainingSettings) -> Optimizer:
    """The optimiser of a module's weights, before its first step."""
    weights, rate, decay = module.parameters(), settings.learning_rate, settings.weight_decay
    match settings.optimizer:
        case "adamw":
            return torch.optim.AdamW(weights, lr=rate, weight_decay=decay, fused=True)
        case "adam":
            return torch.optim.Adam(weights, lr=rate, fused=True)
        case "muon":
            return Muon(weights, rate, decay)
