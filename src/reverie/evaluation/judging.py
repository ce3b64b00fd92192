"""The one rule that decides what is said of a measure, and what it is worth that nothing was found.

    farther = d(value) - d(ceiling),   d(x) = |x - ideal|,   s = sqrt(deviation^2 + ceiling_deviation^2)

    fault     farther > max(tolerance, FAIL s)
    look      farther > max(tolerance / 2, WARN s)
    fine      otherwise

The ceiling is what real patients reach when they are scored as if they were synthetic, so a measure is blamed for what
synthetic patients do worse than real ones, never for the size of the sample. `tolerance` is the smallest difference that
matters to a reader, in the unit of the measure: on a large table a difference may be certain and of no consequence. A
report holds some hundreds of measures; at FAIL = 5 deviations chance alone flags none of them in a million, and with a
deviation known from a dozen repeats (Student's t with 11 degrees of freedom) none in a thousand.

What a measure could have found says what it is worth that it found nothing:

    detects = max(tolerance / 2, WARN s) + (FAIL - WARN) s',   s' the larger of s and the value's deviation by its interval
    power   = farther(w) / detects,   w what a plainly wrong table reaches

A true difference of `detects` is flagged in 98 of 100 samples (2 deviations above the limit of a look). Plainly wrong are
real patients with every column shuffled by itself (the floor); where shuffling changes nothing, a table that the metric's
declaration tells (`wrong`); for an attack the training patients themselves. Where the power is no more than 1, such a table
would pass as well: that the measure is fine says nothing, and it is not judged. What was found was found all the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reverie.evaluation.measure import Measure, Verdict, Worse

__all__ = ["FAIL", "WARN", "against", "judged"]

WARN, FAIL = 3.0, 5.0
ROUNDS = 30
"""Of the fixed point of what is detected; a third of them are enough for three digits."""


def judged(
    measure: Measure,
    *,
    tolerance: float,
    worse: Worse = "away",
    chance: float | None = None,
    among: int = 1,
    at: Callable[[float], float] | None = None,
    wrong: float | None = None,
) -> Measure:
    """The measure with its verdict, the reason, and what it could have found.

    Args:
        tolerance, worse: see Metric. Without a ceiling the ideal stands for it.
        chance: s, where the caller knows better than the rule of the module what chance makes of value - ceiling.
        among: of how many measures this one is the worst; WARN and FAIL rise to sqrt(k^2 + 2 ln among), by which chance
            flags the worst of many as rarely as one alone (Bonferroni, for a normal tail exp(-k^2 / 2)).
        at: of a share that is worse above, the deviation of the value if it were x: larger for a leak than for none, and
            what could have been found is reckoned with it.
        wrong: see Metric.
    """
    value, reference = measure.value, measure.ceiling if measure.ceiling is not None else measure.ideal
    if value is None:
        return replace(measure, verdict="unknown", why=measure.why or "it could not be computed on these tables.")
    if reference is None:
        return replace(measure, verdict="unknown", why=measure.why or "there is nothing to compare it with.")
    ideal = reference if measure.ideal is None else measure.ideal
    own = _deviation(measure)
    spread = math.hypot(own or 0.0, measure.ceiling_deviation or 0.0) if chance is None else chance
    limits = [math.sqrt(k**2 + 2 * math.log(among)) * spread for k in (WARN, FAIL)]
    if own is not None or chance is not None:
        detects = max(tolerance / 2, limits[0]) + (FAIL - WARN) * max(spread, _by_interval(measure) or 0.0)
        for _ in range(ROUNDS if at else 0):
            s = at(min(max(reference, ideal) + detects, 1.0))  # pyright: ignore[reportOptionalCall]
            detects = max(tolerance / 2, WARN * math.hypot(s, measure.ceiling_deviation or 0.0)) + (FAIL - WARN) * s
        measure = replace(measure, detects=detects)
    farther = _farther(value, reference, ideal, worse)
    # Rounding must not turn an exact equality into a finding.
    farther = 0.0 if abs(farther) < 1e-9 * max(1.0, abs(value), abs(reference)) else farther
    if farther <= max(tolerance / 2, limits[0]):
        return _powered(replace(measure, verdict="fine", why=""), wrong, worse)
    verdict: Verdict = "fault" if farther > max(tolerance, limits[1]) else "look"
    unit = f" {measure.unit}" if measure.unit else ""
    whom = "real patients" if measure.ideal is None else "held-out patients"
    whom = "the ideal" if measure.ceiling is None else whom
    apart = "apart" if measure.ideal is None else "worse"
    moved = f", and chance moves it by about {spread:.2g}" if spread else ""
    why = f"{value:.3g}{unit} against {reference:.3g} of {whom}: {apart} by {farther:.2g}{moved}."
    return _powered(replace(measure, verdict=verdict, why=why), wrong, worse)


def against(measure: Measure, other: Measure | None) -> Measure:
    """A measure of an attack with its power against `other`: the same attack on the training patients themselves."""
    if other is None or other.value is None or measure.value is None or measure.metric is None:
        return measure
    reference = measure.ceiling if measure.ceiling is not None else measure.ideal
    far = None if reference is None else _farther(other.value, reference, reference, measure.metric.worse)
    return measure if far is None else _weighed(measure, far, "the training patients themselves would pass as well", False)


def _powered(measure: Measure, wrong: float | None, worse: str) -> Measure:
    """The measure with its power; not judged where a plainly wrong table would be fine."""
    if wrong is not None:
        return _weighed(measure, wrong, "a plainly wrong table could pass as well")
    reference = measure.ceiling if measure.ceiling is not None else measure.ideal
    if measure.floor is None or reference is None:
        return measure
    far = _farther(measure.floor, reference, reference if measure.ideal is None else measure.ideal, worse)
    if worse != "away" and far < 0 and measure.detects:
        why = "real patients do no better here than with every column shuffled, so nothing can be lost."
        return replace(measure, power=far / measure.detects, verdict="unknown", why=why)
    return _weighed(measure, far, "real patients with every column shuffled could pass as well")


def _weighed(measure: Measure, far: float, whom: str, alarmed: bool = True) -> Measure:
    if not (sees := measure.detects):
        return measure
    measure = replace(measure, power=far / sees)
    if measure.verdict != "fine" or far > sees or (measure.metric and measure.metric.exact):
        return measure
    unit = f" {measure.unit}" if measure.unit else ""
    why = f"{whom}: only a difference of {sees:.2g}{unit} is sure to be seen."
    if alarmed and measure.metric and measure.metric.alarm:
        lost, most = (f"{100 * x:.1f} %" for x in (sees, far))
        why = f"at this number {measure.metric.alarm.format(lost)} could be missed, and {most} is the most that may be."
    return replace(measure, verdict="unknown", why=why)


def _farther(x: float, reference: float, ideal: float, worse: str) -> float:
    """How much worse x is than the reference; below 0 where it is better."""
    if worse == "away":
        return abs(x - ideal) - abs(reference - ideal)
    return x - max(reference, ideal) if worse == "above" else min(reference, ideal) - x


def _deviation(measure: Measure) -> float | None:
    return _by_interval(measure) if measure.deviation is None else measure.deviation


def _by_interval(measure: Measure) -> float | None:
    """The deviation of a normal value with this interval."""
    return None if measure.interval is None else (measure.interval[1] - measure.interval[0]) / (2 * 1.959964)
