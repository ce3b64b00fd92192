"""Which times a sampler visits: from the most noise, T on a table, down to 0, both ends included.

A grid t_0 = T > t_1 > ... > t_n = 0 means n network calls, the i-th at t_i. With few steps their place matters more than
the sampler; each sampler is told both ends of every step, so no grid can be misread.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from numbers import Real
from typing import Any, Literal, SupportsIndex, get_args, overload

import torch

from reverie.errors import UsageError, unknown
from reverie.process.path import NoisePath
from reverie.process.schedule import NoiseSchedule

__all__ = ["SPACINGS", "Spacing", "advice", "check_grid", "time_grid"]

Spacing = Literal["trailing", "leading", "linspace", "log_snr", "karras", "angle"]
SPACINGS: tuple[Spacing, ...] = get_args(Spacing)

BOUNDED = ("log_snr", "karras")
"""Spacings whose ends sigma_min and sigma_max can move."""

NOISY = 80
"""Noise over signal above which more than one step is lost: EDM's sigma_max (Karras et al. 2022, table 1)."""


@overload
def time_grid(schedule: NoiseSchedule, steps: int, spacing: str = ..., **settings: Any) -> tuple[int, ...]: ...
@overload
def time_grid(schedule: NoisePath, steps: int, spacing: str = ..., **settings: Any) -> tuple[float, ...]: ...
def time_grid(  # pyright: ignore[reportInconsistentOverload]
    schedule: NoisePath,
    steps: int,
    spacing: str = "trailing",
    rho: float = 7.0,
    nu: float = 1.75,
    sigma_min: float | None = None,
    sigma_max: float | None = None,
    shift: float = 1.0,
    origin: int | None = None,
) -> tuple[float, ...]:
    """A grid of `steps` steps from T to 0.

    trailing  t_i = round(T (n - i) / n): even, the first jump as long as the others (Lin et al. 2024)
    leading   even strides T // n counted up from t = 1; the top level is moved to T, where sampling starts
    linspace  even from T to 1, then 0
    log_snr   even in log-SNR from T to 1, then 0 (Lu et al. 2022)
    karras    sigma^(1/rho) even, sigma = noise over signal (Karras et al. 2022, equation 5), then 0
    angle     sigma^(1/nu) = tan of angles even from that of T to 0: on the cosine schedule nu = 1 is trailing, and above 1
              the levels draw together at both ends, where the large forms of a picture are decided and where its details are

    sigma_min, sigma_max: of log_snr and karras, the noise over signal that the levels lie between, in place of that of t = 1
    and of T (the last step before T where T has no signal). A schedule that comes to hardly any signal, or to none, has
    levels of sigma in the thousands, on which steps are lost: sigma_max = 80 is EDM's. The grid begins at T all the same.

    On linspace sigma_min alone can be given: the level that takes the place of t = 1.

    shift: noise over signal of every level between T and 0 is multiplied by it, as large pictures want (Esser et al. 2024,
    equation 23: on a straight path t becomes shift t / (1 + (shift - 1) t)). Where a path ends in some signal, levels that
    come to lie at T or beyond it are left out.

    origin: of trailing on a table, how many steps a consistency model was distilled on: the levels are some of those,
    T // origin apart, evenly chosen by their number; the top one is moved to T (Luo et al. 2023, section 4.3).

    On a table, the last three are rounded to the nearest step, which may coincide where steps are sparse: the grid is then
    shorter than asked, see `advice`. In continuous time 1 stands for the least noise that the path names, and leading is
    refused. Raises UsageError for steps outside 1..T.
    """
    if isinstance(steps, SupportsIndex) and not isinstance(steps, bool):
        steps = int(steps)  # numpy's too
    unbounded = sigma_max is not None or (sigma_min is not None and spacing != "linspace")
    if unbounded and spacing in SPACINGS and spacing not in BOUNDED:
        raise UsageError(
            f"`sigma_min` and `sigma_max` bound {' and '.join(BOUNDED)} alone: say `spacing=karras`, or leave them "
            f"out for {spacing}."
        )
    if origin is not None:
        return _shifted(schedule, _of_origin(schedule, steps, spacing, origin), shift)
    if not isinstance(schedule, NoiseSchedule):
        grid = _continuous(schedule, steps, spacing, rho, nu, sigma_min, sigma_max)
        return _shifted(schedule, grid, shift)
    T = schedule.steps
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= T:
        raise UsageError(f"a grid on a schedule of {T} steps has 1..{T} steps, not {steps!r}.")
    match spacing:
        case "trailing":
            levels = [_round(T * (steps - i), steps) for i in range(steps)]
        case "leading":
            levels = [T] + [1 + (T // steps) * i for i in reversed(range(steps - 1))]
        case "linspace":
            least = 1 if sigma_min is None else round(schedule.time(_least(schedule, sigma_min)))
            levels = [T - _round((T - least) * i, max(steps - 1, 1)) for i in range(steps)]
        case _:
            levels = _nearest(schedule, _log_snr(schedule, steps, spacing, rho, nu, sigma_min, sigma_max))
    return _shifted(schedule, tuple(sorted({*levels, 0}, reverse=True)), shift)


def advice(schedule: NoisePath, steps: int, spacing: str, **settings: Any) -> str | None:
    """What hurts in time_grid of these, in a sentence that says what to do; None where nothing does."""
    grid = time_grid(schedule, steps, spacing, **settings)
    taken, levels = len(grid) - 1, [2 * schedule.level(t).half_log_snr for t in grid[1:]]
    if spacing in BOUNDED:  # as they were meant, for many of them may fall on one step
        given = {"rho": 7.0, "nu": 1.75, "sigma_min": None, "sigma_max": None} | settings
        levels = _log_snr(schedule, steps, spacing, **given)[1:].tolist()
    lost = sum(level < -2 * math.log(NOISY) for level in levels)
    if lost > steps / 4:
        remedy = f"say `sigma_max={NOISY}`, or " if spacing in BOUNDED else ""
        return (
            f"{lost} of {steps} steps of `spacing={spacing}` follow the first where noise is over {NOISY} times the signal "
            f"and nothing is decided any more: {remedy}take `spacing=angle`."
        )
    if taken == steps:
        return None
    return (
        f"{steps} steps of `spacing={spacing}` fall on only {taken} different steps of this schedule, and {taken} are "
        "taken: ask for fewer, or for `spacing=trailing`."
    )


def _continuous(schedule: NoisePath, steps: int, spacing: str, *settings: float | None) -> tuple[float, ...]:
    """The same where times lie anywhere."""
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= schedule.most_steps:
        raise UsageError(f"a grid in continuous time has 1..{schedule.most_steps:,} steps, not {steps!r}.")
    end, least = schedule.end, schedule.ends[0]
    if spacing == "linspace" and settings[2] is not None:
        least = schedule.time(_least(schedule, settings[2]))
    match spacing:
        case "trailing":
            return *(end * (steps - i) / steps for i in range(steps)), 0.0
        case "leading":
            raise UsageError("the spacing leading counts whole steps, and this path has none: take trailing or linspace.")
        case "linspace":
            return *(end + (least - end) * i / max(steps - 1, 1) for i in range(steps)), 0.0
    levels = _log_snr(schedule, steps, spacing, *settings)[1:]  # pyright: ignore[reportArgumentType]
    levels = levels.clamp(max=2 * schedule.level(least).half_log_snr)  # below it nothing happens
    return tuple(sorted({end, *(schedule.time(level / 2) for level in levels.tolist()), 0.0}, reverse=True))


@overload
def check_grid(schedule: NoiseSchedule, grid: Sequence[int]) -> tuple[int, ...]: ...
@overload
def check_grid(schedule: NoisePath, grid: Sequence[float]) -> tuple[float, ...]: ...
def check_grid(schedule: NoisePath, grid: Sequence[float]) -> tuple[float, ...]:
    """The grid as a tuple, if it falls strictly and stays inside 0..T. Raises UsageError otherwise."""
    grid = tuple(int(t) if schedule.whole else float(t) for t in grid)
    if len(grid) < 2:
        raise UsageError("a time grid needs at least two levels, a start and an end.")
    for t, s in itertools.pairwise(grid):
        if not t > s:
            raise UsageError(f"a time grid must fall from each level to the next, but {s} follows {t}.")
    if grid[0] > schedule.end or grid[-1] < 0:
        raise UsageError(f"a time grid must stay inside 0..{schedule.end}, but runs from {grid[0]} to {grid[-1]}.")
    return grid


def _of_origin(schedule: NoisePath, steps: int, spacing: str, origin: int) -> tuple[int, ...]:
    """The levels of a consistency model."""
    if not isinstance(schedule, NoiseSchedule) or spacing != "trailing":
        raise UsageError("origin counts the steps of a table from its end: take the spacing trailing, or leave it out.")
    if not 1 <= origin <= schedule.steps:
        raise UsageError(f"origin is of 1..{schedule.steps} steps, not {origin!r}.")
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= origin:
        raise UsageError(f"a consistency model distilled on {origin} steps takes 1..{origin} of them, not {steps!r}.")
    levels = [schedule.steps // origin * (origin - origin * i // steps) for i in range(steps)]
    return schedule.steps, *levels[1:], 0


def _shifted(schedule: NoisePath, grid: tuple[float, ...], shift: float) -> tuple[float, ...]:
    """The levels with `shift` times as much noise over signal."""
    if shift == 1:
        return grid
    _in_range("shift", shift)
    most = schedule.level(grid[0]).half_log_snr
    levels = [schedule.level(t).half_log_snr - math.log(shift) for t in grid[1:-1]]
    if not isinstance(schedule, NoiseSchedule):
        return grid[0], *(schedule.time(level) for level in levels if level > most), grid[-1]
    high = schedule.level(1).half_log_snr
    times = {round(schedule.time(min(level, high))) for level in levels if level > most}
    return grid[0], *sorted(times - {grid[0], 0}, reverse=True), grid[-1]


def _least(schedule: NoisePath, sigma_min: float) -> float:
    """Half the log-SNR of the least level of linspace."""
    if not (isinstance(sigma_min, Real) and 0 < sigma_min < math.inf):
        raise UsageError(f"`sigma_min` must be a positive number, not {sigma_min!r:.40}.")
    return _ends(schedule, sigma_min, None)[1] / 2 if schedule.whole else -math.log(sigma_min)


def _round(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def _log_snr(
    schedule: NoisePath,
    steps: int,
    spacing: str,
    rho: float,
    nu: float,
    sigma_min: float | None,
    sigma_max: float | None,
) -> torch.Tensor:
    """The levels of a spacing that is even in some function of them, [steps]; the first stands for T."""
    if spacing not in SPACINGS:
        raise unknown("spacing of a time grid", spacing, SPACINGS)
    noisy, clean = _ends(schedule, sigma_min, sigma_max)
    top, bottom = math.exp(-0.5 * noisy), math.exp(-0.5 * clean)
    match spacing:
        case "karras":
            _in_range("rho", rho)
            ramp = torch.linspace(0, 1, steps, dtype=torch.float64)
            sigma = (top ** (1 / rho) + ramp * (bottom ** (1 / rho) - top ** (1 / rho))) ** rho
            return -2 * sigma.log()
        case "angle":
            _in_range("nu", nu)
            widest = math.atan(math.exp(-0.5 * noisy / nu))
            return -2 * nu * (widest * torch.arange(steps, 0, -1, dtype=torch.float64) / steps).tan().log()
        case _:
            return torch.linspace(noisy, clean, steps, dtype=torch.float64)


def _ends(schedule: NoisePath, sigma_min: float | None, sigma_max: float | None) -> tuple[float, float]:
    """log-SNR at the most noise that has any signal, and at the least, or at those that were asked for."""
    clean, noisy = (2 * schedule.level(t).half_log_snr for t in schedule.ends)
    low, high = (math.exp(-0.5 * end) for end in (clean, noisy))
    for name, value in (("sigma_min", sigma_min), ("sigma_max", sigma_max)):
        if value is not None and not (isinstance(value, Real) and low <= value <= high):
            raise UsageError(
                f"`{name}` must lie in {low:.4g}..{high:.4g}, the noise over signal of this path, not {value!r:.40}."
            )
    asked = not (sigma_min is None and sigma_max is None)
    if asked and (low if sigma_min is None else sigma_min) >= (high if sigma_max is None else sigma_max):
        raise UsageError(f"`sigma_min` must lie below `sigma_max`, but they are {sigma_min} and {sigma_max}.")
    return (
        noisy if sigma_max is None else -2 * math.log(sigma_max),
        clean if sigma_min is None else -2 * math.log(sigma_min),
    )


RANGE = (0.1, 100.0)
"""Of rho, nu and shift: published ones lie far inside, and beyond it powers of the noise overflow, or all levels are one."""


def _in_range(name: str, value: float) -> None:
    if not (isinstance(value, Real) and RANGE[0] <= value <= RANGE[1]):
        raise UsageError(f"{name} must be a number in {RANGE[0]:g}..{RANGE[1]:g}, not {value!r:.40}.")


def _nearest(schedule: NoiseSchedule, log_snr: torch.Tensor) -> list[int]:
    """T, then for each further level the step 1..T whose log-SNR is nearest."""
    noise = -schedule.log_snr[1:]  # increasing
    right = torch.searchsorted(noise, -log_snr[1:]).clamp(1, len(noise) - 1) if len(noise) > 1 else torch.zeros(0).long()
    left = right - 1
    nearer_left = -log_snr[1:] - noise[left] <= noise[right] - -log_snr[1:]
    return [schedule.steps, *(torch.where(nearer_left, left, right) + 1).tolist()]
