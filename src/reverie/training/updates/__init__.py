"""The ways of training, each a class in a file of its own; and which one a network's settings ask for."""

from __future__ import annotations

import torch

from reverie.denoisers.network import Network
from reverie.training.dataset import Dataset
from reverie.training.settings import TrainingSettings
from reverie.training.trajectories import Trajectories
from reverie.training.updates.autoencoder import AutoencoderUpdate
from reverie.training.updates.distilled import DistilledUpdate
from reverie.training.updates.plain import PlainUpdate
from reverie.training.updates.private import PrivateUpdate

__all__ = ["AutoencoderUpdate", "DistilledUpdate", "PlainUpdate", "PrivateUpdate", "denoising"]


def denoising(
    network: Network, dataset: Dataset | Trajectories, settings: TrainingSettings, seed: int, device: torch.device
) -> PlainUpdate:
    """The update that trains a denoiser: from a teacher's trajectories, or the private one where there is an epsilon to keep
    to."""
    if isinstance(dataset, Trajectories):
        return DistilledUpdate(network, dataset, settings, seed, device)
    chosen = PlainUpdate if settings.epsilon is None else PrivateUpdate
    return chosen(network, dataset, settings, seed, device)
