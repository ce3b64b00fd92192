"""Mistakes in the reverse step and the loss, from the guide to forward and reverse diffusion.

x_s = sqrt(abar_s) x_0-hat + sqrt(1 - abar_s - sigma^2) eps-hat + sigma z
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from reverie.denoisers import Clipped, Condition, Evidence
from reverie.process import GaussianProcess, NoiseSchedule, Prediction
from reverie.process.gaussian import Step as Time
from reverie.samplers import DDIM, Step, sample, time_grid
from reverie.studies.mistakes.forms import RelabelledStep
from reverie.studies.mistakes.mistake import Collection, Measured, gaussian, process
from reverie.studies.proofs.sampler import final_deviation

__all__ = ["guide"]

guide = Collection("guide")

ONE = torch.ones(1, 1, dtype=torch.float64)


@guide.mistake(
    "5a",
    "at eta = 1, noise added on top of the full direction sqrt(1 - abar_s) eps",
    "the direction shrinks: sqrt(1 - abar_s - sigma^2) eps",
)
def mistake_5a() -> Measured:
    p, t, s = process(), 500, 499
    target = float(1 - p.schedule.alpha_bar[s])  # Var(x_s | x_0), for any mix of eps-hat and new noise
    prediction = p.predict(ONE, t, noise=ONE)
    wrong = (float(1 - p.schedule.alpha_bar[s]) + float(1 - p.schedule.alpha_bar[s])) / target
    a_s = p.schedule.signal[s].item()
    direction = DDIM(1.0).step(Step(p, t, s, prediction)) - a_s * prediction.clean
    right = (float(direction) ** 2 + float(p.schedule.posterior_variance[t])) / target
    text = f"The noise in x_s has {wrong:.2f} times its variance at eta = 1 (t = 500); the right step {right:.2f} times."
    return text, {"wrong": wrong, "right": right}, wrong > 1.5 and abs(right - 1) < 1e-12


@guide.mistake("5b", "(1 - abar_s)(1 - abar_t)/(1 - abar_t)", "(1 - abar_s)/(1 - abar_t) (1 - abar_t/abar_s)")
def mistake_5b() -> Measured:
    p, t = process(), 500
    at, az = float(p.schedule.alpha_bar[t]), float(p.schedule.alpha_bar[t - 1])
    wrong = (1 - az) * (1 - at) / (1 - at)
    right = float(p.schedule.posterior_variance[t])
    times = wrong / right
    text = f"The factor cancels: {wrong:.3f} stands for a variance of {right:.5f} at t = 500, {times:.0f} times too much."
    return text, {"wrong": wrong, "right": right}, wrong / right > 2 and right < p.schedule.beta[t]


@guide.mistake("5c", "the variance clamped below at 0.001", "the step that ends at t = 0 adds no noise")
def mistake_5c() -> Measured:
    p, g = process(), torch.Generator().manual_seed(0)
    x_0 = torch.zeros(1, 100_000, dtype=torch.float64)
    x_1 = p.corrupt(x_0, 1, generator=g)
    at_end = p.posterior(x_0, x_1, 0, 1).mean
    wrong = at_end + math.sqrt(0.001) * torch.randn(x_0.shape, generator=g, dtype=torch.float64)
    right = DDIM(1.0).step(Step(p, 1, 0, p.predict(x_1, 1, clean=x_0), g))
    levels = float(wrong.std()) * 127.5
    text = (
        f"The finished sample carries noise of std {float(wrong.std()):.4f} ({levels:.1f} grey levels of an 8-bit picture), "
        f"the right one {float(right.std()):.4f}."
    )
    return text, {"wrong": wrong.std(), "right": right.std()}, float(wrong.std()) > 0.03 and float(right.std()) == 0


@guide.mistake("6a", "the DDIM map called the mean of q(x_{t-1}|x_t, x_0)", "it is that mean only at the posterior variance")
def mistake_6a() -> Measured:
    p, t, s = process(), 500, 480
    x_0, x_t = 0.3 * ONE, p.corrupt(0.3 * ONE, t, ONE)
    prediction, q = p.predict(x_t, t, clean=x_0), p.posterior(x_0, x_t, s, t)
    gaps = [float((DDIM(eta).step(Step(p, t, s, prediction)) - q.mean).abs()) for eta in (0.0, 0.5, 1.0)]
    text = (
        f"From t = 500 to 480 with eps = 1 the map is {gaps[0]:.3f} from the posterior mean at eta = 0, {gaps[1]:.3f} at "
        f"eta = 0.5 and {gaps[2]:.3f} at eta = 1."
    )
    return text, {"eta 0": gaps[0], "eta 0.5": gaps[1], "eta 1": gaps[2]}, gaps[0] > 1e-3 and gaps[2] < 1e-14


@guide.mistake("6b", "x_t = sqrt(alpha_t) x_0 + sqrt(1 - alpha_t) eps", "x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps")
def mistake_6b() -> Measured:
    schedule = process().schedule
    wrong, right = float(schedule.alpha[-1].sqrt()), float(schedule.signal[-1])
    text = f"Read as written, x_T still holds {wrong:.2f} of x_0's amplitude, for {right:.4f}."
    return text, {"wrong": wrong, "right": right}, wrong > 0.9 and right < 0.01


@guide.mistake("7", "the level before t is abar_{t-1}, also on a strided grid", "the level of the next selected step")
def mistake_7() -> Measured:
    p = process()
    grid, x = time_grid(p.schedule, 50, "linspace"), ONE
    wrong, right = float(sample(gaussian(p), RelabelledStep(DDIM()), grid, x)), final_deviation(p, grid, None)
    text = f"50 of 1000 steps, exact denoiser, data of std 0.5: the samples end with std {wrong:.3f}, for {right:.3f}."
    return text, {"wrong": wrong, "right": right}, abs(wrong - 0.5) > 0.4 and abs(right - 0.5) < 0.05


@guide.mistake("8a", "the loss draws fresh noise after the prediction", "the noise that made x_t")
def mistake_8a() -> Measured:
    p, g = process(), torch.Generator().manual_seed(0)
    x_0, eps = torch.randn(2, 1, 100_000, generator=g, dtype=torch.float64)
    perfect = p.predict(p.corrupt(x_0, 500, eps), 500, clean=x_0).noise
    wrong = float(((perfect - torch.randn(eps.shape, generator=g, dtype=torch.float64)) ** 2).mean())
    right = float(((perfect - eps) ** 2).mean())
    text = (
        f"A perfect predictor scores {wrong:.2f} (2 in expectation; 1 is the score of predicting nothing), for {right:.0f}."
    )
    return text, {"wrong": wrong, "right": right}, wrong > 1.9 and right < 1e-20


def _ddim_without_view(
    p: GaussianProcess[NoiseSchedule], x_t: torch.Tensor, t: torch.Tensor, eps: torch.Tensor
) -> torch.Tensor:
    at, az = p.schedule.alpha_bar[t], p.schedule.alpha_bar[t - 1]
    clean = (x_t - torch.sqrt(1 - at) * eps) / torch.sqrt(at)
    return torch.sqrt(az) * clean + torch.sqrt(1 - az) * eps


@guide.mistake("8b", "ddim_step without .view: [B] against [B, C, H, W]", "one coefficient for each sample")
def mistake_8b() -> Measured:
    p, t = process(), torch.tensor([10, 300, 600, 990])
    x_t, eps = torch.randn(2, 4, 1, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    right = p.predict(x_t, t, noise=eps)
    a_s, sigma_s = ((c[t - 1]).reshape(-1, 1, 1, 1) for c in (p.schedule.signal, p.schedule.sigma))
    stepped = a_s * right.clean + sigma_s * right.noise
    one_by_one = torch.cat(
        [DDIM().step(Step(p, int(i), int(i) - 1, p.predict(x, int(i), noise=e)))
         for x, i, e in zip(x_t.split(1), t, eps.split(1), strict=True)]
    )  # fmt: skip
    wrong = float((_ddim_without_view(p, x_t, t, eps) - one_by_one).abs().max())
    ours, failed = float((stepped - one_by_one).abs().max()), 0
    moved = float((one_by_one - x_t).abs().max())
    try:
        _ddim_without_view(p, x_t[..., :3], t, eps[..., :3])
    except RuntimeError:
        failed = 1
    text = (
        f"A batch of 4 pictures 4 wide: steps taken along the width, wrong by up to {wrong:.3f} without a word, where no "
        f"pixel moves by more than {moved:.3f}; {failed} RuntimeError when they are 3 wide."
    )
    return text, {"wrong": wrong, "right": ours, "errors": failed}, wrong > 0.1 * moved and ours < 1e-12 and failed == 1


@dataclass(frozen=True)
class _Constant:
    """A network that has learned little: whatever it sees, it says eps = 0.5."""

    process: GaussianProcess[NoiseSchedule]
    evidence: Evidence = "learned"

    def __call__(self, x_t: torch.Tensor, t: Time, condition: Condition | None = None) -> Prediction:
        return self.process.predict(x_t, t, noise=torch.full_like(x_t, 0.5))


@guide.mistake("8c", "x_0-hat clipped, eps-hat kept", "eps-hat derived anew from the clipped x_0-hat")
def mistake_8c() -> Measured:
    p, t = process(), 900
    x_t = torch.full((1, 1), 2.0, dtype=torch.float64)
    raw = p.predict(x_t, t, noise=0.5 * ONE)
    a, sigma = p.schedule.signal[t], p.schedule.sigma[t]
    wrong = float((a * raw.clean.clamp(-1, 1) + sigma * raw.noise - x_t).abs())

    clipped = Clipped(_Constant(p))
    ours = clipped(x_t, t)
    right = float((a * ours.clean + sigma * ours.noise - x_t).abs())
    ends = sample(clipped, DDIM(), [t, t - 20], x_t)
    wrong_step = p.schedule.signal[t - 20] * raw.clean.clamp(-1, 1) + p.schedule.sigma[t - 20] * raw.noise
    text = (
        f"x_0-hat and eps-hat no longer make x_t: at x_t = 2, t = 900 they miss it by {wrong:.2f} (0 when derived anew), "
        f"and 20 steps on x is {float(wrong_step):.2f} for {float(ends):.2f}."
    )
    return text, {"wrong": wrong, "right": right}, wrong > 0.5 and right < 1e-12
