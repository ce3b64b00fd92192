"""Records whose scores are jointly Gaussian: the exact answer to every question is known, so nothing has to be trained.

    s                                          static
    V    = link s + ...                        number of visits
    gap  = s / 2 + ...                         at each visit but the first
    flag = AR(1), 0.7                          whether y is measured; independent of all else
    x    = AR(1), 0.8                          over visits
    y    = 0.5 s + 0.5 x + ...                 missing where the flag says so

All of them are N(0, 1).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from reverie.denoisers.condition_mask import ConditionMask
from reverie.process import GaussianProcess, NoiseSchedule, Prediction
from reverie.records import RecordCodec, Table, read_table

AR, FLAGS = 0.8, 0.7


def cohort(patients: int = 400, seed: int = 0) -> Table:
    """A table with such columns, whose distributions the codec learns; how they hang together is left to `Exact`."""
    draw = np.random.default_rng(seed)
    visits = draw.choice([2, 3, 4], patients, p=[0.3, 0.5, 0.2])
    person = np.repeat(np.arange(patients), visits)
    rows = len(person)
    gaps = draw.gamma(2.0, 1.5, rows) + 0.01
    time = np.concatenate([np.cumsum(g) - g[0] for g in np.split(gaps, np.cumsum(visits)[:-1])])
    frame = pl.DataFrame(
        {
            "id": person + 1,
            "time": time,
            "s": draw.normal(0, 10, patients)[person],
            "x": np.exp(draw.normal(0, 0.5, rows)),
            "y": np.where(draw.random(rows) < 0.25, np.nan, draw.normal(0, 3, rows)),
        },
    )
    return read_table(frame, identifier="id", time="time")


@dataclass(frozen=True, eq=False)
class Exact:
    """Answers E[x_0 | x_t, what is given] under that law.

    Attributes:
        codec: of `cohort`.
        link: correlation of the number of visits with s.
    """

    codec: RecordCodec
    link: float = 0.0
    process: GaussianProcess = field(default_factory=lambda: GaussianProcess(NoiseSchedule.cosine(1000)))
    evidence: Any = "exact"

    def place(self, name: str, token: int = 0) -> tuple[int, int]:
        """(token, channel) of a field; visits are tokens 1, 2, ..."""
        return token, next(f.channels[0] for f in self.codec.fields if f.name == name)

    def covariance(self, tokens: int) -> np.ndarray:
        """[N C, N C]; 1 on the diagonal where nothing is."""
        return _covariance(self, tokens)

    def __call__(self, x_t: Tensor, t: int, condition: ConditionMask) -> Prediction:
        mean, axes, variance = self._law(condition)
        a, b = (float(v) for v in (self.process.schedule.alpha_bar[t], 1 - self.process.schedule.alpha_bar[t]))
        # x_0 ~ N(mean, S), x_t = sqrt(a) x_0 + sqrt(b) eps: Bayes' rule in the axes of S
        away = torch.where(condition.target_mask, x_t, 0.0).flatten(1).double() - a**0.5 * mean
        gain = a**0.5 * variance / (a * variance + b)
        clean = mean + (axes @ (gain * (axes.mT @ away[..., None])[..., 0])[..., None])[..., 0]
        return self.process.predict(x_t, t, clean=clean.view(x_t.shape).to(x_t))

    def _law(self, given: ConditionMask) -> tuple[Tensor, Tensor, Tensor]:
        """Mean [B, D] and the axes and variances of what is asked, given what is observed; kept for the next step."""
        if _kept.get("given") is not given:
            B, N, _ = given.target_mask.shape
            whole = torch.from_numpy(self.covariance(N))
            asked, seen = given.target_mask.reshape(B, -1).double(), given.observed_mask.reshape(B, -1).double()
            among = whole * seen[:, :, None] * seen[:, None, :] + torch.diag_embed(1 - seen)
            weights = torch.linalg.solve(among, whole * seen[:, :, None] * asked[:, None, :])
            mean = (weights.mT @ (given.values.reshape(B, -1).double() * seen)[..., None])[..., 0]
            rest = whole * asked[:, :, None] * asked[:, None, :]
            variance, axes = torch.linalg.eigh(rest - (whole * asked[:, :, None] * seen[:, None, :]) @ weights)
            _kept.update(given=given, law=(mean, axes, variance.clamp(min=0)))
        return _kept["law"]


@dataclass(frozen=True, eq=False)
class Ignorant:
    """Answers as if all scores were independent of each other, N(0, 1)."""

    process: GaussianProcess = field(default_factory=lambda: GaussianProcess(NoiseSchedule.cosine(1000)))
    evidence: Any = "exact"

    def __call__(self, x_t: Tensor, t: int, condition: Any = None) -> Prediction:
        return self.process.predict(x_t, t, clean=self.process.schedule.alpha_bar[t].sqrt().to(x_t) * x_t)


_kept: dict[str, Any] = {}


@cache
def _covariance(exact: Exact, tokens: int) -> np.ndarray:
    C = exact.codec.channels
    s, count, own = 0, 1, 2  # of the patient, then four for each visit
    loadings = np.zeros((tokens, C, 2 + 4 * tokens))
    loadings[exact.place("visits")][[s, count]] = exact.link, (1 - exact.link**2) ** 0.5
    loadings[exact.place("value:s")][s] = 1
    for i in range(1, tokens):
        fresh = own + 4 * i
        loadings[exact.place("gap", i)][[s, fresh]] = 0.5, 0.75**0.5
        for name, keep, latent in (("measured:y", FLAGS, fresh + 1), ("value:x", AR, fresh + 2)):
            here = loadings[exact.place(name, i)]
            if i > 1:
                here += keep * loadings[exact.place(name, i - 1)]
            here[latent] = 1 if i == 1 else (1 - keep**2) ** 0.5
        y = loadings[exact.place("value:y", i)]
        y += 0.5 * loadings[exact.place("value:x", i)]
        y[s], y[fresh + 3] = 0.5, 0.5**0.5
    flat = loadings.reshape(tokens * C, -1)
    return flat @ flat.T + np.diag((~flat.any(1)).astype(float))
