"""DEIS: the exponential method of Adams and Bashforth on the predicted noise (Zhang and Chen 2023, equation 15).

    x_s = alpha_s/alpha_t x_t - alpha_s sigma_t/alpha_t sum_i w_i eps-hat_i
        = alpha_s x_0-hat + sigma_s eps-hat_t - alpha_s sigma_t/alpha_t sum_{i > 0} w_i (eps-hat_i - eps-hat_t)

w_i as in multistep.py, of the polynomial in log-SNR through the last predictions of the noise. Of order 1 it is DDIM.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from reverie.errors import UsageError
from reverie.samplers.multistep import earlier
from reverie.samplers.sampler import Sampler, Step

__all__ = ["DEIS"]


@dataclass(frozen=True)
class DEIS(Sampler):
    """DEIS of order 1, 2 or 3, at one call a step.

    A step to t = 0, the first and those next to a level of zero SNR are of first order, the one after of second.
    """

    order: int = 3

    def __post_init__(self) -> None:
        if self.order not in (1, 2, 3):
            raise UsageError(f"DEIS is of order 1, 2 or 3, not {self.order}.")

    @property
    def remembers(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.order - 1

    def step(self, now: Step) -> Tensor:
        (a_s, sigma_s, _), (a_t, sigma_t, _) = now.to, now.at
        before = earlier(now, self.order, of_noise=True)
        # alpha_s sigma_t / alpha_t (1 - e^-h): what DDIM's step takes of the noise
        taken = a_s * sigma_t / a_t - sigma_s if before else 0.0
        x_s = now.mix(clean=a_s, noise=sigma_s + taken * sum(w for _, w in before))
        for prediction, w in before:
            prediction.mix(noise=-taken * w, onto=x_s)
        return x_s
