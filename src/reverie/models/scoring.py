"""How well a model denoises given patients: the loss of each, at some levels of noise.

loss(x, t) = mean over the cells of x of (f_theta(x_t, t, condition) - target)^2,   x_t = a x + sigma eps

The cells are those of the last stage in which patients are made, the values at the visits, with all before it given: there
is most to learn by heart there, and most cells to see it by. What is low for the patients of the training set and high for
others was learned by heart (evaluation/privacy/model_membership.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from reverie.denoisers.condition_mask import ConditionMask
from reverie.process.loss import element_loss, target
from reverie.process.randomness import generator
from reverie.records import read_table
from reverie.records.encoded import Records
from reverie.records.generate import like_lengths
from reverie.records.masks import cells, whole

if TYPE_CHECKING:
    from reverie.models.patients import PatientModel

__all__ = ["LEVELS", "patient_losses"]

LEVELS = (0.95, 0.8, 0.5, 0.2, 0.05)
"""alpha_bar of the noise levels: share of the variance that is the patient."""


@torch.no_grad()
def patient_losses(
    model: PatientModel, frame: Any, seed: int = 0, levels: tuple[float, ...] = LEVELS, repeats: int = 8
) -> np.ndarray:
    """The loss of each patient at each level of noise: float64 [patients, levels], patients by first appearance.

    Args:
        frame: visits, a frame or a file of the same columns as the table trained on.
        seed: of the noise.
        levels: alpha_bar of the noise levels, in (0, 1).
        repeats: draws of noise that are averaged.

    Raises DataError, naming row and column, for a table that does not fit the model.
    """
    table = read_table(frame, schema=model.codec.schema)
    encoded = model.codec.encode(table)
    schedule = model.process.schedule
    times = [schedule.at_share(share) for share in levels]
    found = np.zeros((len(encoded), len(levels)))
    for batch, chosen in enumerate(like_lengths(torch.from_numpy(encoded.lengths))):
        records = encoded.records(chosen, None)
        condition = _question(model, records)
        for i, t in enumerate(times):
            for repeat in range(repeats):
                noise = torch.randn(records.values.shape, generator=generator(seed, "losses", batch, i, repeat))
                found[chosen.numpy(), i] += _error(model, records.values, condition, t, noise).numpy() / repeats
    return found


def _question(model: PatientModel, records: Records) -> ConditionMask:
    """The last stage, given all the others; the whole record of a network that only makes whole ones."""
    if not model.config.network.stages:
        return whole(records)
    N = records.values.shape[1]
    stage = cells(model.codec.stage, N)
    last = int(model.codec.stage.max())
    asked, observed = records.known & (stage == last), records.known & (stage < last)
    present = torch.arange(N) <= records.visits[:, None]
    return ConditionMask(torch.where(observed, records.values, 0.0), observed, asked, present)


def _error(model: PatientModel, x_0: Tensor, condition: ConditionMask, t: float, noise: Tensor) -> Tensor:
    """Mean squared error over the cells asked of each patient, float64 [B]; 0 where nothing is."""
    kind, process = model.denoiser.kind, model.process
    times = torch.full((len(x_0),), t, dtype=torch.int64 if process.schedule.whole else torch.float64)
    prediction = model.denoiser(process.corrupt(x_0, times, noise), times, condition)
    error = element_loss(prediction, target(process, x_0, noise, times, kind), kind)
    wrong = torch.where(condition.target_mask, error, 0.0).double().sum((1, 2))
    return wrong / condition.target_mask.sum((1, 2)).clamp(min=1)
