"""What training minimises.

element     (y-hat - y)^2 for y = noise, clean or velocity, kept per element
masked mean sum(m e) / max(sum(m), 1), the mask broadcast to every element it covers
weighting   one weight w(t) on the error of x_0; where variance is preserved |x_0 error|^2 = |eps error|^2 / SNR =
            |v error|^2 / (SNR + 1), so the weight for another target is w / SNR or w / (SNR + 1). In general a target
            p x_0 + q eps has (sigma / (alpha q - sigma p))^2 w
recon       the x_0 term of the clinical recipe: weight x masked MSE(x_0-hat, x_0)
hybrid      L_simple + lambda L_vlb, the mean detached in L_vlb (Nichol and Dhariwal 2021, section 3.1)
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from reverie.errors import UsageError, unknown
from reverie.process.gaussian import Gaussian, GaussianProcess, Step
from reverie.process.path import NoisePath, total_power
from reverie.process.prediction import Kind, Prediction, pair

__all__ = [
    "TARGETS",
    "WEIGHTINGS",
    "Weighting",
    "element_loss",
    "loss_weight",
    "masked_mean",
    "reconstruction_loss",
    "target",
    "unsuited",
    "variational_loss",
]

Weighting = Literal["uniform", "snr", "min_snr", "truncated_snr", "p2", "bound"]
WEIGHTINGS: tuple[str, ...] = get_args(Weighting)
TARGETS = ("noise", "clean", "velocity")
"""What networks are trained to predict on a table; in continuous time also "flow" and "edm", see `unsuited`."""


def target(process: GaussianProcess, x_0: Tensor, noise: Tensor, t: Step, kind: Kind) -> Tensor:
    """The true noise, clean, velocity, flow or edm of the x_t made of x_0 and noise."""
    match kind:
        case "clean":
            return x_0
        case "noise":
            return noise
        case "velocity":
            return process.velocity(x_0, t, noise)
        case "flow" | "edm":
            return process.truth(kind, x_0, t, noise)
    raise unknown("target of a loss", kind, TARGETS)


def unsuited(path: NoisePath, kind: Kind) -> str | None:
    """Why networks are not trained to predict `kind` on this path, as a sentence; None where they can be.

    Where the deviation of a target grows or falls tenfold from 1, for data of the path's own deviation, some levels drown
    the others, or the network's own errors. (Noise and score, which say nothing at zero terminal SNR, a Network refuses.)
    """
    if path.whole and kind in TARGETS:
        return None
    first, last = (path.level(t).half_log_snr for t in path.ends)
    times = {*path.ends, *(path.time(first + (last - first) * i / 32) for i in range(1, 32))}
    deviations = []
    for t in {max(1, round(t)) for t in times} if path.whole else times:
        a, sigma, _ = path.level(t)
        p, q = pair(kind, a, sigma, lambda t=t: path.rates(t), path.data_std)
        deviations.append(math.hypot(float(p) * path.data_std, float(q)))
    least, most = min(deviations), max(deviations)
    if least >= 1 / EXTREME and most <= EXTREME:
        return None
    return (
        f"`training.predict={kind}` does not go with `schedule.name={path.config['name']}`, where what is to be learned has "
        f"a deviation from {least:.2g} to {most:.2g}: say `training.predict={path.predicts}`."
    )


EXTREME = 10.0
"""Of the deviation of a target, which is 1 for most."""


def element_loss(prediction: Prediction, truth: Tensor, kind: Kind) -> Tensor:
    """Squared error of the view `kind`, per element."""
    return (prediction.view(kind) - truth) ** 2


def masked_mean(e: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean of e where the mask is true: sum(m e) / max(sum(m), 1); what lies under a mask of 0 is never read.

    The mask [B, ...], bool or weights, broadcasts to e and counts once for every element that it covers.
    """
    if mask is None:
        return e.mean()
    mask = mask.expand_as(e)
    return (torch.where(mask.bool(), e, 0.0) * mask).sum() / mask.sum().clamp(min=1)


def loss_weight(
    schedule: NoisePath, t: Step, kind: Kind, weighting: Weighting = "uniform", gamma: float | None = None
) -> Tensor:
    """The weight of the squared error of `kind` at t above 0, float64 of the shape of t.

    uniform        1 whatever the target
    snr            the noise error, uniformly (clean error times SNR)
    min_snr        min(SNR, gamma) on the clean error, gamma = 5 (Hang et al. 2023); for velocity over SNR + 1
    truncated_snr  max(SNR, 1) on the clean error (Salimans and Ho 2022)
    p2             SNR / (1 + SNR)^gamma on the clean error, gamma = 1 (Choi et al. 2022)
    bound          what the variational bound gives: on a table with sigma_t^2 = beta_t (Ho et al. 2020, equation 12), in
                   continuous time for endlessly many steps (Kingma et al. 2021, equation 17)
    """
    signal, noise = (torch.as_tensor(power, dtype=torch.float64) for power in schedule.powers(t))
    snr = signal / noise
    match weighting:
        case "uniform":
            return torch.ones_like(snr)
        case "snr":
            on_clean = snr
        case "min_snr":
            on_clean = snr.clamp(max=5.0 if gamma is None else gamma)
        case "truncated_snr":
            on_clean = snr.clamp(min=1.0)
        case "p2":
            on_clean = snr / (1 + snr) ** (1.0 if gamma is None else gamma)
        case "bound":
            on_clean = schedule.bound_weight(t)
        case _:
            raise unknown("weighting", weighting, WEIGHTINGS)
    match kind:
        case "clean":
            return on_clean
        case "noise":
            return on_clean / snr
        case "velocity":
            return on_clean / (snr + 1) / total_power(signal, noise)
        case "flow" | "edm":
            a, sigma = signal.sqrt(), noise.sqrt()
            p, q = pair(kind, a, sigma, lambda: schedule.rates(t), schedule.data_std)
            return on_clean * (sigma / (a * q - sigma * p)) ** 2
    raise unknown("target of a loss", kind, TARGETS)


def reconstruction_loss(
    prediction: Prediction,
    x_0: Tensor,
    noise: Tensor,
    weight: float = 20.0,
    mask: Tensor | None = None,
    blend: Tensor | None = None,
) -> Tensor:
    """weight x masked MSE(x_0-hat, x_0), the reconstruction term of the Health Gym v3 recipe.

    With `blend`, u ~ U(0, 1) of the shape of x_0, x_0-hat is made from u eps + (1 - u) eps-hat, as published: the
    error is (1 - u) times that of the prediction, so on average the term is a third. The true noise is known in training
    only, which is why the blend is off by default.
    """
    if blend is not None:
        prediction = prediction.with_value("noise", torch.lerp(prediction.noise, noise, blend))
    return weight * masked_mean((prediction.clean - x_0) ** 2, mask)


def variational_loss(process: GaussianProcess, prediction: Prediction, x_0: Tensor, t: Tensor) -> Tensor:
    """L_{t-1} (L_0 where t = 1) per element in nats, [B, ...], which trains the learned variance only.

    The mean is detached. Times lambda T, lambda = 0.001, and added to the simple loss, it is the hybrid loss
    (Nichol and Dhariwal 2021, equation 16): T makes one t drawn uniformly an estimate of the whole sum.
    """
    if not process.schedule.whole:
        raise UsageError("the variational loss trains a variance step by step, and needs a table of steps.")
    x_t, s = prediction.x_t, t - 1
    with torch.no_grad():
        mean = process.reverse_mean(x_t, t, prediction)
        truth = process.posterior(x_0, x_t, s, t)
    reverse = Gaussian(mean, process.reverse_variance(x_t, t, s, "learned", prediction.variance_mix))
    first = (s == 0).reshape(-1, *[1] * (x_0.ndim - 1)).to(x_0.device)
    truth = Gaussian(truth.mean, torch.where(first, 1.0, truth.variance))  # variance 0 at s = 0 has no KL
    return torch.where(first, -reverse.log_density(x_0), truth.kl(reverse))
