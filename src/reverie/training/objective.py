"""The loss of one batch, by its parts, and how well the noise was predicted at each level of noise.

accuracy = 1 - MSE(eps-hat, eps) / Var(eps), Var(eps) = 1: 1 is perfect, 0 is no better than saying "no noise".
"""

from __future__ import annotations

import torch
from torch import Tensor

from reverie.denoisers.network import Network
from reverie.process.loss import (
    element_loss,
    loss_weight,
    masked_mean,
    reconstruction_loss,
    target,
    variational_loss,
)
from reverie.process.path import NoisePath
from reverie.process.prediction import Prediction
from reverie.training.dataset import Batch
from reverie.training.settings import TrainingSettings

__all__ = ["LEVELS", "element_errors", "losses", "noise_accuracy", "timesteps"]

LEVELS = ("0-25%", "25-50%", "50-75%", "75-100%")
"""Quarters of the way along the path, from little noise to much; of a table quarters of 1..T."""


def timesteps(count: int, path: NoisePath, how: str, generator: torch.Generator) -> Tensor:
    """t for each of `count` examples, as the path draws them in training: int64 in 1..T of a table, else float64.

    Stratified: one t in each of `count` equal parts of the distribution, in random order (Kingma et al. 2021, appendix I.1).
    """
    u = torch.rand(count, generator=generator, dtype=torch.float64)
    if how == "stratified":
        u = (torch.randperm(count, generator=generator) + u) / count
    return path.training_time(u)


def element_errors(
    network: Network, batch: Batch, t: Tensor, noise: Tensor, settings: TrainingSettings
) -> tuple[Tensor, Prediction]:
    """The error of what the network predicts at each element, weighted over t as the settings say: [B, ...], like x_0; and
    the prediction. Where it names levels, the error is how surprising the true one is to it, in nats."""
    process = network.process
    prediction, named = network.answer(process.corrupt(batch.x_0, t, noise), t, batch.given, batch.x_0)
    error = element_loss(prediction, target(process, batch.x_0, noise, t, settings.predict), settings.predict)
    if settings.weighting != "uniform":
        weight = loss_weight(process.schedule, t, settings.predict, settings.weighting, settings.gamma)
        error = error * weight.to(error).reshape(-1, *[1] * (error.ndim - 1))
    if named is not None and named.surprise is not None:
        error = torch.where(named.where, named.surprise.to(error), error)
    return error, prediction


def losses(
    network: Network, batch: Batch, t: Tensor, noise: Tensor, settings: TrainingSettings, blend: Tensor | None = None
) -> tuple[dict[str, Tensor], Prediction]:
    """The parts of the loss (their sum is what is minimised) and the prediction they judge.

    `blend` is the u of the reconstruction term's blend, of the shape of x_0, where the settings ask for it.
    """
    process, x_0, mask = network.process, batch.x_0, batch.mask
    error, prediction = element_errors(network, batch, t, noise, settings)
    parts = {settings.predict: masked_mean(error, mask)}
    if settings.reconstruction:
        parts["reconstruction"] = reconstruction_loss(prediction, x_0, noise, settings.reconstruction, mask, blend)
    if settings.learned_variance:
        bound = masked_mean(variational_loss(process, prediction, x_0, t), mask)
        parts["variational"] = settings.variational * process.schedule.most_steps * bound
    return parts, prediction


def noise_accuracy(
    prediction: Prediction, noise: Tensor, t: Tensor, path: NoisePath, mask: Tensor | None = None
) -> dict[str, float]:
    """1 - MSE of the predicted noise where it counts, for each quarter of the way that the batch has examples of."""
    with torch.no_grad():
        error = (prediction.noise - noise) ** 2
    quarter = (path.progress(t) * len(LEVELS)).long().clamp(max=len(LEVELS) - 1).to(error.device)
    rows = {level: quarter == i for i, level in enumerate(LEVELS)}
    return {
        level: 1 - float(masked_mean(error[row], None if mask is None else mask[row]))
        for level, row in rows.items()
        if bool(row.any())
    }
