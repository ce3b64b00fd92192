"""What a training with differential privacy may spend, and the noise that keeps to it.

With or without any one patient the weights are alike up to (epsilon, delta). sigma is the least for which the accountant of
Opacus (Renyi divergences of the subsampled Gaussian mechanism, Mironov et al. 2019) allows that many steps; the steps are
those of updates/private.py.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from reverie.errors import UsageError
from reverie.training.settings import TrainingSettings

__all__ = ["PrivacyBudget"]


@dataclass(frozen=True)
class PrivacyBudget:
    """What may be spent, and the noise that keeps to it.

    Attributes:
        epsilon, delta: at the last step.
        rate: q, the probability with which each patient is in a batch.
        steps: of the whole run.
        patients: n.
    """

    epsilon: float
    delta: float
    rate: float
    steps: int
    patients: int

    @classmethod
    def of(cls, settings: TrainingSettings, patients: int) -> PrivacyBudget:
        """The budget of a run on so many patients; delta is 1 / (2 n) if the settings leave it out."""
        assert settings.epsilon is not None
        delta = settings.delta if settings.delta is not None else 1 / (2 * patients)
        return cls(settings.epsilon, delta, min(1.0, settings.batch / patients), settings.steps, patients)

    @property
    def noise(self) -> float:
        """sigma. Raises UsageError if no noise is enough, or Opacus is not installed."""
        if find_spec("opacus") is None:
            raise UsageError("training with epsilon needs Opacus: pip install 'reverie[private]'.")
        try:
            return _noise(self.epsilon, self.delta, self.rate, self.steps)
        except ValueError as error:
            raise UsageError(
                f"no noise keeps {self.steps} steps of {self.patients} patients within an epsilon of {self.epsilon:g}: "
                "allow a larger epsilon, or take fewer steps."
            ) from error

    def spent(self, steps: int) -> float:
        """The epsilon of the first `steps` steps."""
        if steps < 1:
            return 0.0
        orders, of_one = _divergences(self.noise, self.rate)
        from opacus.accountants.analysis import rdp

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the best order is the first or last it tried
            return float(rdp.get_privacy_spent(orders=orders, rdp=of_one * steps, delta=self.delta)[0])


@lru_cache(maxsize=64)
def _noise(epsilon: float, delta: float, rate: float, steps: int) -> float:
    """The least sigma that keeps to a budget, which takes seconds to find. Raises ValueError if there is none."""
    from opacus.accountants.utils import get_noise_multiplier

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(get_noise_multiplier(target_epsilon=epsilon, target_delta=delta, sample_rate=rate, steps=steps))


@lru_cache(maxsize=64)
def _divergences(noise: float, rate: float) -> tuple[list[float], Any]:
    """Orders, and the Renyi divergence of one step at each; those of many steps add up."""
    from opacus.accountants import RDPAccountant
    from opacus.accountants.analysis import rdp

    orders = list(RDPAccountant.DEFAULT_ALPHAS)
    return orders, rdp.compute_rdp(q=rate, noise_multiplier=noise, steps=1, orders=orders)
