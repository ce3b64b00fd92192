"""Which steps a sampler visits: from T down to 0, both ends included.

A grid t_0 = T > t_1 > ... > t_n = 0 means n network calls, the i-th at t_i. With few steps their place matters more than
the sampler; each sampler is told both ends of every step, so no grid can be misread.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Literal, get_args

import torch

from reverie.errors import UsageError, unknown
from reverie.process.schedule import NoiseSchedule

__all__ = ["SPACINGS", "Spacing", "check_grid", "time_grid"]

Spacing = Literal["trailing", "leading", "linspace", "log_snr", "karras", "angle"]
SPACINGS: tuple[Spacing, ...] = get_args(Spacing)

Grid = tuple[int, ...]


def time_grid(
    schedule: NoiseSchedule,
    steps: int,
    spacing: Spacing = "trailing",
    duplicates: Literal["remove", "refuse"] = "remove",
    rho: float = 7.0,
    nu: float = 1.75,
) -> Grid:
    """A grid of `steps` steps from T to 0.

    trailing  t_i = round(T (n - i) / n): even, the first jump as long as the others (Lin et al. 2024)
    leading   even strides T // n counted up from t = 1; the top level is moved to T, where sampling starts
    linspace  even from T to 1, then 0
    log_snr   even in log-SNR from T to 1, then 0 (Lu et al. 2022)
    karras    sigma^(1/rho) even, sigma = sqrt((1 - alpha_bar) / alpha_bar) (Karras et al. 2022, equation 5), then 0
    angle     sigma^(1/nu) = tan of angles even from that of T to 0: on the cosine schedule nu = 1 is trailing, and above 1
              the levels draw together at both ends, where the large forms of a picture are decided and where its details are

    The last three are rounded to the nearest step, which may coincide where steps are sparse: duplicates are removed (the
    grid is then shorter than asked) or, with duplicates="refuse", an error. Raises UsageError for steps outside 1..T.
    """
    T = schedule.steps
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= T:
        raise UsageError(f"a grid on a schedule of {T} steps has 1..{T} steps, not {steps!r}.")
    match spacing:
        case "trailing":
            levels = [_round(T * (steps - i), steps) for i in range(steps)]
        case "leading":
            levels = [T] + [1 + (T // steps) * i for i in reversed(range(steps - 1))]
        case "linspace":
            levels = [T - _round((T - 1) * i, max(steps - 1, 1)) for i in range(steps)]
        case "log_snr":
            levels = _nearest(schedule, _line(schedule, steps))
        case "karras":
            levels = _nearest(schedule, _karras(schedule, steps, rho))
        case "angle":
            levels = _nearest(schedule, _angle(schedule, steps, nu))
        case _:
            raise unknown("spacing of a time grid", spacing, SPACINGS)
    grid = tuple(sorted({*levels, 0}, reverse=True))
    if len(grid) != steps + 1 and duplicates == "refuse":
        raise UsageError(
            f"{steps} steps of spacing {spacing!r} fall on only {len(grid) - 1} different steps of this schedule: "
            "ask for fewer, or let duplicates be removed."
        )
    return grid


def check_grid(schedule: NoiseSchedule, grid: Sequence[int]) -> Grid:
    """The grid as a tuple, if it falls strictly and stays inside 0..T. Raises UsageError otherwise."""
    grid = tuple(int(t) for t in grid)
    if len(grid) < 2:
        raise UsageError("a time grid needs at least two levels, a start and an end.")
    for t, s in itertools.pairwise(grid):
        if not t > s:
            raise UsageError(f"a time grid must fall from each level to the next, but {s} follows {t}.")
    if grid[0] > schedule.steps or grid[-1] < 0:
        raise UsageError(f"a time grid must stay inside 0..{schedule.steps}, but runs from {grid[0]} to {grid[-1]}.")
    return grid


def _round(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def _ends(schedule: NoiseSchedule) -> tuple[float, float]:
    """log-SNR at the noisiest step that has any signal, and at t = 1."""
    noisy = schedule.log_snr[-2] if schedule.zero_terminal_snr else schedule.log_snr[-1]
    return float(noisy), float(schedule.log_snr[1])


def _line(schedule: NoiseSchedule, steps: int) -> torch.Tensor:
    return torch.linspace(*_ends(schedule), steps, dtype=torch.float64)


def _positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise UsageError(f"{name} must be a positive number, not {value}.")


def _angle(schedule: NoiseSchedule, steps: int, nu: float) -> torch.Tensor:
    _positive("nu", nu)
    top = math.atan(math.exp(-0.5 * _ends(schedule)[0] / nu))
    return -2 * nu * (top * torch.arange(steps, 0, -1, dtype=torch.float64) / steps).tan().log()


def _karras(schedule: NoiseSchedule, steps: int, rho: float) -> torch.Tensor:
    _positive("rho", rho)
    top, bottom = (math.exp(-0.5 * end) for end in _ends(schedule))
    ramp = torch.linspace(0, 1, steps, dtype=torch.float64)
    sigma = (top ** (1 / rho) + ramp * (bottom ** (1 / rho) - top ** (1 / rho))) ** rho
    return -2 * sigma.log()


def _nearest(schedule: NoiseSchedule, log_snr: torch.Tensor) -> list[int]:
    """T, then for each further level the step 1..T whose log-SNR is nearest."""
    noise = -schedule.log_snr[1:]  # increasing
    right = torch.searchsorted(noise, -log_snr[1:]).clamp(1, len(noise) - 1) if len(noise) > 1 else torch.zeros(0).long()
    left = right - 1
    nearer_left = -log_snr[1:] - noise[left] <= noise[right] - -log_snr[1:]
    return [schedule.steps, *(torch.where(nearer_left, left, right) + 1).tolist()]
