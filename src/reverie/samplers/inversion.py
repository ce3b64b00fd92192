"""The inverse of DDIM: the states that it would have come from, each step solved for its own origin.

    DDIM, eta = 0    x_s = (x_t - c eps-hat(x_t, t)) / r,    r = sqrt(alpha_bar_t / alpha_bar_s),  c = sigma_t - r sigma_s
    its origin       x_t = g(x_t),    g(x) = r x_s + c eps-hat(x, t)                (Song, Meng and Ermon 2021, equation 12)
    its residual     max |g(x_t) - x_t| / r = max |DDIM(x_t) - x_s|

The origin is a fixed point of g, but g need not contract: a network that has learned little, or a long step, makes plain
iteration circle or run away. Anderson acceleration (Walker and Ni 2011) takes, of the last iterates, the combination whose
f = g(x) - x is smallest, and needs no contraction:

    x_{k+1} = x_k + b f_k - (dX + b dF) gamma,    gamma = argmin |f_k - dF gamma|

b starts at 1 and is halved, and what is remembered is dropped, whenever an iterate is much worse than the best so far.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from reverie.denoisers.conditions import Condition
from reverie.denoisers.denoiser import Denoiser
from reverie.errors import UsageError
from reverie.process.prediction import Prediction
from reverie.samplers.grid import check_grid
from reverie.samplers.sampler import Point

__all__ = ["invert"]

REMEMBERED = 12
"""Differences of iterates that one is combined from."""

RIDGE = 1e-12
"""Of the unit lengths of those differences: below it they are taken as saying the same."""

WORSE = 4.0
"""How many times worse than the best an iterate may be before the way there is taken anew, in smaller steps."""

PATIENCE = 30
"""Iterations without a gain of a twentieth after which no more is to be hoped for."""


def invert(
    denoiser: Denoiser,
    grid: Sequence[float],
    x: Tensor,
    condition: Condition | None = None,
    tolerance: float | None = None,
    iterations: int = 200,
) -> Iterator[Point]:
    """The states that DDIM (eta = 0) would have come from: from x at grid[-1] up to grid[0], each with its prediction.

    Sampling from the result retraces the inversion, unlike the formula in common use, which takes eps-hat at the wrong end
    of the step and needs no iteration. A step is solved when no entry of its residual is above `tolerance` (default: 64
    roundings of the largest entry). Not every step of every denoiser can be: there the best state that was found is taken,
    and its `residual`, [B], says how far DDIM's step from it misses, sample by sample. At most `iterations` + 1 calls of the
    denoiser a step.
    """
    process = denoiser.process
    grid = check_grid(process.schedule, grid)
    level = process.schedule.level
    if level(grid[0]).alpha == 0:
        raise UsageError("a state at zero SNR keeps nothing of x_0: invert up to a step with alpha_bar > 0.")
    yield Point(grid[-1], x, None)
    for s, t in itertools.pairwise(reversed(grid)):
        ratio = level(t).alpha / level(s).alpha
        base, factor = x * ratio, level(t).sigma - ratio * level(s).sigma

        def image(x_t: Tensor, t: float = t, base: Tensor = base, factor: float = factor) -> tuple[Tensor, Prediction]:
            prediction = denoiser(x_t, t, condition)
            return torch.add(base, prediction.noise, alpha=factor), prediction

        with torch.no_grad():
            x, prediction, gap = _fixed_point(image, base, tolerance and tolerance * ratio, iterations)
        yield Point(t, x, prediction, gap / ratio)


def _fixed_point(
    image: Callable[[Tensor], tuple[Tensor, Prediction]], start: Tensor, tolerance: float | None, iterations: int
) -> tuple[Tensor, Prediction, Tensor]:
    """Of each sample the state x nearest to g(x) = image(x)[0] that was met, what the denoiser says there, and the gaps
    max |g(x) - x|, [B]. Samples know nothing of each other."""
    rows = len(start)
    x = best = start
    best_gap = start.new_full((rows,), math.inf)
    best_f = torch.zeros_like(start)
    before: tuple[Tensor, Tensor] | None = None
    memory: list[tuple[Tensor, Tensor]] = []
    damping = start.new_ones(rows)
    milestone, since = best_gap, 0
    for turn in range(iterations):
        f = image(x)[0] - x
        gap = _largest(f).nan_to_num(nan=math.inf)
        better = gap < best_gap
        best, best_f = _where(better, x, best), _where(better, f, best_f)
        worse = gap > WORSE * best_gap
        best_gap = torch.where(better, gap, best_gap)
        done = best_gap <= (_enough(best) if tolerance is None else tolerance)
        gained = (best_gap < 0.95 * milestone) & ~done
        since = 0 if turn == 0 or bool(gained.any()) else since + 1
        milestone = torch.where(gained, best_gap, milestone)
        if bool(done.all()) or since >= PATIENCE:
            break
        # where it went wrong: back to the best, with nothing remembered and in smaller steps
        damping = torch.where(worse, damping / 2, damping)
        x, f = _where(worse, best, x), _where(worse, best_f, f)
        if before is not None:
            memory = [(_where(worse, 0 * dx, dx), _where(worse, 0 * df, df)) for dx, df in memory]
            memory = [*memory, (_where(worse, 0 * x, x - before[0]), _where(worse, 0 * f, f - before[1]))][-REMEMBERED:]
        before = (x, f)
        x = _where(done, best, _combined(x, f, memory, damping))
    prediction = image(best)[1]
    return best, prediction, best_gap


def _combined(x: Tensor, f: Tensor, memory: list[tuple[Tensor, Tensor]], damping: Tensor) -> Tensor:
    """The next iterate of Anderson's method for each sample, from differences [B, ...] of iterates and of their f."""
    b = damping.reshape(-1, *[1] * (x.ndim - 1))
    if not memory:
        return x + b * f
    dX, dF = (torch.stack(each, 1) for each in zip(*memory, strict=True))  # [B, m, ...]
    flat = dF.reshape(len(x), len(memory), -1).double()
    length = flat.norm(dim=2, keepdim=True).clamp(min=torch.finfo(torch.float64).tiny)
    flat = flat / length  # late differences are tiny beside early ones, and matter as much
    # differences that say the same, and those that were dropped, which are zero, get no weight instead of any
    ridge = RIDGE * torch.eye(len(memory), dtype=flat.dtype, device=flat.device)
    gamma = torch.linalg.solve(flat @ flat.mT + ridge, flat @ f[:, None].flatten(1).double()[:, :, None]) / length
    gamma = gamma.to(x.dtype).reshape(len(x), len(memory), *[1] * (x.ndim - 1))
    return x + b * f - (gamma * (dX + b[:, None] * dF)).sum(1)


def _largest(f: Tensor) -> Tensor:
    """max |f| of each sample, [B]."""
    return f[:, None].flatten(1).abs().amax(1)


def _enough(x: Tensor) -> Tensor:
    return 64 * torch.finfo(x.dtype).eps * _largest(x)


def _where(chosen: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return torch.where(chosen.reshape(-1, *[1] * (a.ndim - 1)), a, b)
