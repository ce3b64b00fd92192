"""Memorisation: which training patients stand behind a synthetic one?

r_i(x_t) = softmax_i(-|x_t - a x_i|^2 / (2 sigma^2)),   x_t = a x_0 + sigma eps,   x_0 an encoded synthetic patient

These are the posterior weights of the exact denoiser of the training set (denoisers.Empirical), the one that has learned it
by heart. At little noise the nearest training patient has all the weight whoever is asked for, at much noise nobody has.

tie = max_i mean_t r_i(x_t)   over the levels between: one training patient who stands behind at all of them

A synthetic patient is tied to a training patient if its tie is stronger than that of all but 5 % of held-out patients, who
cannot have been copied.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from reverie.denoisers.oracles import Empirical
from reverie.errors import ReverieError
from reverie.evaluation.area import Found, area
from reverie.evaluation.privacy.rates import measured, of_attack, wilson
from reverie.evaluation.privacy.space import some
from reverie.evaluation.tables import Tables
from reverie.process.gaussian import GaussianProcess
from reverie.process.randomness import generator
from reverie.process.schedule import NoiseSchedule
from reverie.records.codec import RecordCodec
from reverie.records.table import read_table

__all__ = ["Ties", "memorisation", "ties"]

LEVELS = (0.8, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01)
"""alpha_bar of the noise levels that are asked about: share of the variance that is the patient."""
BETWEEN = slice(1, 5)
"""Those that a tie is the mean of: below them everyone is tied to someone, above them nobody to anyone."""
DRAWS = 4
TIED = 0.05


@dataclass(frozen=True, eq=False)
class Ties:
    """Of each patient asked for.

    Attributes:
        strength: float64 [P] in (0, 1], see the module.
        patient: int64 [P], the training patient it is to.
        weight: float64 [P, levels], the largest weight at each noise level, mean over draws of noise.
    """

    strength: np.ndarray
    patient: np.ndarray
    weight: np.ndarray


TIES = of_attack(
    "privacy.memorisation.tied",
    "synthetic patients tied to one training patient",
    "Share of synthetic patients behind whom the exact denoiser of the training set sees one training patient with a mean "
    "weight that only 5 % of held-out patients exceed. Wilson's interval.",
    tolerance=0.1,
    unit="share",
    ideal=TIED,
)
INTRO = "Who of the training patients an ideal memory of them would see behind each synthetic patient."


@area("privacy.memorisation", "Memorisation", INTRO, 0.5, TIES, attack=True)
def memorisation(tables: Tables) -> Found:
    """The share of synthetic patients tied more closely to one training patient than 95 % of held-out patients are.

    Codec and process are the model's; without one, a codec fitted to the training patients and the cosine schedule.
    """
    if why := tables.too_few():
        return why
    key, notes, seed = tables.schema.identifier.name, [], tables.seed
    three = ("training", "held-out", "synthetic")
    frames = [some(tables, name, [seed, 8, number], notes) for number, name in enumerate(three)]
    model = tables.model
    try:
        read = [read_table(frame, tables.schema) for frame in frames]
        codec = model.codec if model and model.codec else RecordCodec.fit(read[0])
        encoded = [codec.encode(table) for table in read]
    except ReverieError as error:
        return f"the tables cannot be encoded: {error}"
    longest = 1 + max(int(e.lengths.max()) for e in encoded)
    points = [_padded(e.records(torch.arange(len(e)), None).values, longest) for e in encoded]
    process = model.process if model and model.process else GaussianProcess(NoiseSchedule.cosine())
    memory = Empirical(process, points[0])
    of_held, of_drawn = (ties(memory, points[i], seed) for i in (1, 2))
    bound, many = float(np.quantile(of_held.strength, 1 - TIED)), len(of_drawn.strength)
    tied = wilson(int((of_drawn.strength > bound).sum()), many)
    control = wilson(int((of_held.strength > bound).sum()), len(of_held.strength))
    measure = measured(TIES, tied, f"That weight is {bound:.2f}.", control, grows=True)
    names = [table.frame[key].unique(maintain_order=True).to_list() for table in read]
    return (measure,), _figures(of_held, of_drawn, names, tables.schema.identifier.label), notes


def ties(memory: Empirical, points: Tensor, seed: int) -> Ties:
    """How the patients [P, D] are tied to the training patients of `memory`."""
    schedule = memory.process.schedule
    weight = np.zeros((len(points), len(LEVELS)))
    between = torch.zeros(len(points), len(memory.data), dtype=torch.float64)
    for i, share in enumerate(LEVELS):
        t = schedule.at_share(share)
        for draw in range(DRAWS):
            noise = torch.randn(points.shape, generator=generator(seed, "memorisation", i, draw), dtype=torch.float64)
            r = memory.weights(memory.process.corrupt(points, t, noise), t)
            weight[:, i] += r.amax(1).numpy() / DRAWS
            if i in range(*BETWEEN.indices(len(LEVELS))):
                between += r / DRAWS / len(LEVELS[BETWEEN])
    strength, patient = between.max(1)
    return Ties(strength.numpy(), patient.numpy(), weight)


def _padded(values: Tensor, longest: int) -> Tensor:
    """[P, N, C] -> [P, longest x C], float64."""
    return torch.nn.functional.pad(values, (0, 0, 0, longest - values.shape[1])).flatten(1).double()


def _figures(held: Ties, synthetic: Ties, names: list[list[object]], who: str) -> dict[str, object]:
    order = np.argsort(-synthetic.strength, kind="stable")[:10]
    rows = [[str(names[2][i]), str(names[0][synthetic.patient[i]]), round(float(synthetic.strength[i]), 3)] for i in order]
    return {
        "memorisation.weights": {
            "kind": "lines",
            "title": "Weight of the training patient seen behind a patient",
            "note": "Mean weight that an ideal memory of the training set gives to one of its patients, by noise; that of "
            "synthetic patients should not lie above that of held-out ones.",
            "x": [round(float(np.log10((1 - share) / share)), 3) for share in LEVELS],
            "series": {"synthetic": synthetic.weight.mean(axis=0).tolist(), "held-out": held.weight.mean(axis=0).tolist()},
            "x_label": "noise (log10 of noise over signal variance)",
            "y_label": "largest weight",
        },
        "memorisation.nearest": {
            "kind": "table",
            "title": "The synthetic patients most tied to a training patient",
            "note": "The weight is the mean over noise levels of that of one training patient among all.",
            "columns": [f"synthetic {who}", f"training {who}", "weight"],
            "rows": rows,
        },
    }
