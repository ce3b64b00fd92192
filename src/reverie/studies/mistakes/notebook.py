"""Mistakes in the notebook on the reverse transition.

x_t = sqrt(abar) x_0 + sqrt(1 - abar) eps, from t = 50 down to t = 0, with q's posterior
"""

from __future__ import annotations

import torch

from reverie.denoisers import KnownSample
from reverie.samplers import Ancestral, trajectory
from reverie.studies.mistakes.mistake import Collection, Measured, process

__all__ = ["notebook"]

notebook = Collection("notebook")

T = 200


def _picture(pixels: int = 784) -> torch.Tensor:
    """A plain ramp in [-1, 1] of as many pixels as the notebook's digit has."""
    return torch.linspace(-1, 1, pixels, dtype=torch.float64)[None]


@notebook.mistake("10", "x_t = sqrt(abar) x_0 - sqrt(1 - abar) eps", "x_t = sqrt(abar) x_0 + sqrt(1 - abar) eps")
def mistake_10() -> Measured:
    p, t, x_0 = process(T), 101, _picture()
    eps = torch.randn(x_0.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    minus = p.schedule.signal[t] * x_0 - p.schedule.sigma[t] * eps
    wrong = float(((p.predict(minus, t, noise=eps).clean - x_0) ** 2).mean().sqrt())
    plus = p.corrupt(x_0, t, eps)
    right = float(((p.predict(plus, t, noise=eps).clean - x_0) ** 2).mean().sqrt())
    variances = [float((x - p.marginal(x_0, t).mean).var()) for x in (minus, plus)]
    text = (
        f"x_t has the same variance ({variances[0]:.3f} and {variances[1]:.3f}), but x_0 from eps misses by {wrong:.2f} rms "
        f"at index 100 of 200, for {right:.2f}."
    )
    return text, {"wrong": wrong, "right": right}, wrong > 1 and right < 1e-12


@notebook.mistake("11a", "the title says step 100, the code starts at 50", "the step that is shown is the step that is used")
def mistake_11a() -> Measured:
    abar = process(T).schedule.alpha_bar
    said, done = float(abar[101]), float(abar[51])
    text = (
        f"abar is {done:.2f} where the walk starts and {said:.2f} at the step in the title: {done / said:.1f} times as much."
    )
    return text, {"abar at 50": done, "abar at 100": said}, done > said


def _walk() -> list[torch.Tensor]:
    """The notebook's walk from index 50 (t = 51) with the true x_0; entry t is x_t."""
    p, x_0, g = process(T), _picture(), torch.Generator().manual_seed(0)
    x = p.corrupt(x_0, 51, generator=g)
    return [point.x for point in trajectory(KnownSample(p, x_0), Ancestral(), range(51, -1, -1), x, g)][::-1]


@notebook.mistake("11b", "the loop stops at x_1, and calls it recovered", "one more step, to t = 0")
def mistake_11b() -> Measured:
    walk, x_0 = _walk(), _picture()
    wrong, right = (float(((walk[t] - x_0) ** 2).mean().sqrt()) for t in (1, 0))
    root = float(process(T).schedule.beta[1].sqrt())
    text = f"The state it ends at is {wrong:.4f} rms from x_0 (sqrt(beta_1) = {root:.2f}); the next is {right:.0f} from it."
    return text, {"wrong": wrong, "right": right, "sqrt beta_1": root}, 0.5 * root < wrong < 2 * root and right == 0


@notebook.mistake("11c", "the last call treated as one more draw", "at s = 0 the posterior is x_0, variance 0")
def mistake_11c() -> Measured:
    p, x_0 = process(T), _picture()
    x_1 = p.corrupt(x_0, 1, generator=torch.Generator().manual_seed(0))
    q = p.posterior(x_0, x_1, 0, 1)
    beta = float(p.schedule.beta[1].sqrt())
    miss = float((q.mean - x_0).abs().max())
    text = f"Mean x_0 to {miss:.0f}, variance {float(q.variance):.0f}: a draw of std {beta:.2f} would undo an exact answer."
    return text, {"mean off": miss, "variance": q.variance, "draw": beta}, miss == 0 and float(q.variance) == 0 and beta > 0


@notebook.mistake("11d", "a walk with the true x_0 shown as denoising", "labelled oracle: it is q, not p")
def mistake_11d() -> Measured:
    p, x_0, g = process(T), _picture(), torch.Generator().manual_seed(0)
    known = KnownSample(p, x_0)
    other = p.corrupt(-x_0, 51, generator=g)  # the noisy state of another picture
    end = [point.x for point in trajectory(known, Ancestral(), range(51, -1, -1), other, g)][-1]
    miss = float((end - x_0).abs().max())
    text = f"Started from another picture's x_t, the walk still ends at x_0, {miss:.0f} away: it reads the answer."
    return text, {"miss": miss, "start": (other - x_0).abs().mean()}, miss == 0 and known.evidence == "oracle"


@notebook.mistake("11e", "data in [0, 1]", "data centred to [-1, 1]")
def mistake_11e() -> Measured:
    p, x_0 = process(T), _picture()
    wrong, right = (float(p.marginal(x, T).mean.mean()) for x in ((x_0 + 1) / 2, x_0))
    power = [float((p.marginal(x, T).mean ** 2).mean()) for x in ((x_0 + 1) / 2 - 0.5, x_0)]
    text = (
        f"A ramp in [0, 1] leaves x_T with mean {wrong:.2f} where sampling starts from 0 (centred: {abs(right):.2f}), and "
        f"with {power[0] / power[1]:.2f} of the contrast's power."
    )
    return text, {"wrong": wrong, "right": right, "power": power[0] / power[1]}, wrong > 0.1 and abs(right) < 1e-12
