"""A number of the report: what it is, declared once (Metric), what it came to (Measure), and the one rule that judges it.

    farther = d(value) - d(ceiling),   d(x) = |x - ideal|,   s = sqrt(deviation^2 + ceiling_deviation^2)

    fault     farther > max(least, FAULT s)
    look      farther > max(least / 2, LOOK s)
    fine      otherwise

The ceiling is what real patients reach when they are scored as if they were synthetic, so a measure is blamed for what
synthetic patients do worse than real ones, never for the size of the sample. `least` is the smallest difference that
matters to a reader, in the unit of the measure: on a large table a difference may be certain and of no consequence. A
report holds some hundreds of measures; at FAULT = 5 deviations chance alone flags none of them in a million, and with a
deviation known from a dozen repeats (Student's t with 11 degrees of freedom) none in a thousand.

What a measure could have found says what it is worth that it found nothing:

    detects = max(least / 2, LOOK s) + (FAULT - LOOK) s',   s' the larger of s and the deviation of the value by its interval
    power   = farther(w) / detects,   w what a plainly wrong table reaches

A true difference of `detects` is flagged in 98 of 100 samples (2 deviations above the limit of a look). Plainly wrong are
real patients with every column shuffled by itself (the floor); where shuffling changes nothing, a table that the metric's
declaration tells (`wrong`); for an attack the training patients themselves. Where the power is no more than 1, such a table
would pass as well: that the measure is fine says nothing, and it is not judged. What was found was found all the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

import polars as pl

__all__ = ["ALARM", "FAULT", "FEW", "LOOK", "Measure", "Metric", "Section", "Split", "Verdict", "against", "judged", "worst"]

LOOK, FAULT = 3.0, 5.0
FEW = 20
"""Fewer patients on a side say nothing: their deviations are not those of a normal law, and a fit or an attack is luck."""
ALARM = 0.2
"""A claim is not made if so large a share of patients, values or pictures could be wrong unseen."""
ROUNDS = 30
"""Of the fixed point of what is detected; a third of them are enough for three digits."""

Verdict = Literal["fine", "look", "fault", "unknown"]
ORDER: tuple[Verdict, ...] = ("fine", "unknown", "look", "fault")
Worse = Literal["away", "above", "below"]


@dataclass(frozen=True)
class Metric:
    """What is measured, declared once beside its computation: sections, claims, verdict and documents follow from it.

    Attributes:
        name, title: of its measures; {column} and the like are filled in by `of`.
        how: one sentence or two: what it is and how it is computed. What only the tables tell is added by `measure`.
        claim: the name of the claim it bears on (reports/claims.py), "" for none.
        least: the smallest difference from the ceiling that is a fault, in the unit.
        unit: "share", "AUC", ... or "" for a pure number.
        ideal: the value of equality: 0, 1, 0.5. None where the ceiling itself is what is aimed at.
        worse: which way is worse: "away" from the ideal on either side (from the ceiling if there is no ideal), or only
            "above" ceiling and ideal (an attack's success), or only "below" both (an accuracy).
        beside: the references that it may stand beside.
        wrong: how much farther than the ceiling a plainly wrong table lies, where shuffled columns are none.
        alarm: of a metric that its claim rests on, for shuffled columns cannot fail that claim: what it detects, in words,
            with a place for the number.
        told: whether its value is told also where the claim holds.
    """

    name: str
    title: str
    how: str
    claim: str = ""
    least: float = 0.0
    unit: str = ""
    ideal: float | None = None
    worse: Worse = "away"
    beside: tuple[str, ...] = ("ceiling", "floor")
    wrong: float | None = None
    alarm: str = ""
    told: bool = False

    def of(self, **words: str) -> Metric:
        """That of one column, pair or group."""
        return replace(self, **{key: getattr(self, key).format(**words) for key in ("name", "title", "how")})

    def measure(
        self,
        value: float | None,
        n: int,
        told: str = "",
        *,
        chance: float | None = None,
        among: int = 1,
        at: Callable[[float], float] | None = None,
        **numbers: Any,
    ) -> Measure:
        """The judged measure; see `judged`.

        Args:
            told: what these tables add to `how`.
            numbers: interval, deviation, references and their deviations.
        """
        assert numbers.get("floor") is None or "floor" in self.beside, f"{self.name} is declared without a floor"
        assert numbers.get("ceiling") is None or "ceiling" in self.beside, f"{self.name} is declared without a ceiling"
        how = f"{self.how} {told}".strip()
        found = Measure(self.name, self.title, value, n, self.unit, ideal=self.ideal, how=how, metric=self, **numbers)
        return judged(found, least=self.least, worse=self.worse, chance=chance, among=among, at=at, wrong=self.wrong)

    def unknown(self, why: str, n: int = 0) -> Measure:
        """The measure where it could not be computed."""
        return Measure(self.name, self.title, None, n, self.unit, why=why, metric=self)


@dataclass(frozen=True)
class Measure:
    """One number and all that is needed to read it.

    Attributes:
        name: stable and dotted: "fidelity.column.bili.distance".
        title: in a reader's words.
        value: None where it cannot be computed; then `why` says why.
        n: of what it was computed on (patients or visits: `how` says which).
        unit: "share", "AUC", ... or "" for a pure number.
        interval: 95 %; `how` says by what.
        deviation: of the value, over repeats; if left out, that of a normal value with this interval.
        ceiling: what held-out patients reach when they are scored as if they were synthetic.
        ceiling_deviation: of the ceiling, over repeats.
        floor: what is left when every column is shuffled on its own.
        ideal: the value of equality: 0, 1, 0.5. None where the ceiling itself is what is aimed at.
        how: one sentence: what it is and how it is computed.
        detects: the smallest difference from the ceiling that is sure to be flagged, in the unit of the measure; set by
            `judged`. None where what chance does is not known.
        power: how many times that the floor lies from the ceiling; set by `judged`. None where there is no floor.
        verdict: set by `judged`.
        why: the reason of the verdict, or of there being no value.
        metric: what it is a measure of; not part of its data.
    """

    name: str
    title: str
    value: float | None
    n: int
    unit: str = ""
    interval: tuple[float, float] | None = None
    deviation: float | None = None
    ceiling: float | None = None
    ceiling_deviation: float | None = None
    floor: float | None = None
    ideal: float | None = None
    how: str = ""
    detects: float | None = None
    power: float | None = None
    verdict: Verdict = "unknown"
    why: str = ""
    metric: Metric | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("value", "deviation", "ceiling", "ceiling_deviation", "floor", "ideal", "detects", "power"):
            number = getattr(self, name)
            # NaN and infinity are how numpy says "not known"; JSON has no word for them.
            object.__setattr__(self, name, float(number) if number is not None and math.isfinite(number) else None)
        if self.interval is not None:
            low, high = map(float, self.interval)
            object.__setattr__(self, "interval", (low, high) if math.isfinite(low) and math.isfinite(high) else None)

    @property
    def carries(self) -> bool:
        """Whether it was judged, and shuffled columns are sure to be flagged by it."""
        shuffled = self.floor is not None and (self.metric is None or self.metric.wrong is None)
        return shuffled and self.verdict != "unknown" and self.power is not None and self.power > 1

    def json(self) -> dict[str, Any]:
        """Plain data, without NaN."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "metric"}


@dataclass(frozen=True)
class Split:
    """The real patients, whole ones on either side.

    Attributes:
        train: visits of the patients that the model was trained on.
        holdout: visits of patients that it never saw; without rows if none were set aside.
        seen: "" or a sentence that says what of the holdout the model has seen.
    """

    train: pl.DataFrame
    holdout: pl.DataFrame
    seen: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes:
        name: "fidelity.columns"; measures of the section begin with it or with its first word.
        title, intro: in a reader's words.
        measures: in the order in which they are read.
        figures: plain data (lists, numbers, texts, dictionaries) for figures, by name.
        notes: what was left out or subsampled, with the numbers.
    """

    name: str
    title: str
    intro: str
    measures: tuple[Measure, ...]
    figures: dict[str, Any]
    notes: tuple[str, ...] = ()

    def json(self) -> dict[str, Any]:
        """Plain data."""
        told = {f.name: getattr(self, f.name) for f in fields(self)}
        return {**told, "measures": [m.json() for m in self.measures]}


def judged(
    measure: Measure,
    *,
    least: float,
    worse: Worse = "away",
    chance: float | None = None,
    among: int = 1,
    at: Callable[[float], float] | None = None,
    wrong: float | None = None,
) -> Measure:
    """The measure with its verdict, the reason, and what it could have found.

    Args:
        least, worse: see Metric. Without a ceiling the ideal stands for it.
        chance: s, where the caller knows better than the rule of the module what chance makes of value - ceiling.
        among: of how many measures this one is the worst; LOOK and FAULT rise to sqrt(k^2 + 2 ln among), by which chance
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
    limits = [math.sqrt(k**2 + 2 * math.log(among)) * spread for k in (LOOK, FAULT)]
    if own is not None or chance is not None:
        detects = max(least / 2, limits[0]) + (FAULT - LOOK) * max(spread, _by_interval(measure) or 0.0)
        for _ in range(ROUNDS if at else 0):
            s = at(min(max(reference, ideal) + detects, 1.0))  # pyright: ignore[reportOptionalCall]
            detects = max(least / 2, LOOK * math.hypot(s, measure.ceiling_deviation or 0.0)) + (FAULT - LOOK) * s
        measure = replace(measure, detects=detects)
    farther = _farther(value, reference, ideal, worse)
    # Rounding must not turn an exact equality into a finding.
    farther = 0.0 if abs(farther) < 1e-9 * max(1.0, abs(value), abs(reference)) else farther
    if farther <= max(least / 2, limits[0]):
        return _powered(replace(measure, verdict="fine", why=""), wrong, worse)
    verdict: Verdict = "fault" if farther > max(least, limits[1]) else "look"
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
    return measure if far is None else _weighed(measure, far, "the training patients themselves would pass as well")


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


def _weighed(measure: Measure, far: float, whom: str) -> Measure:
    if not measure.detects:
        return measure
    measure = replace(measure, power=far / measure.detects)
    if measure.verdict != "fine" or far > measure.detects:
        return measure
    unit = f" {measure.unit}" if measure.unit else ""
    why = f"{whom}: only a difference of {measure.detects:.2g}{unit} is sure to be seen."
    if measure.metric and measure.metric.alarm:
        lost, most = (f"{100 * x:.1f} %" for x in (measure.detects, far))
        why = f"at this number {measure.metric.alarm.format(lost)} could be missed, and {most} is the most that may be."
    return replace(measure, verdict="unknown", why=why)


def worst(measures: tuple[Measure, ...] | list[Measure]) -> Verdict:
    """The gravest verdict among the measures; "unknown" of none."""
    found = {m.verdict for m in measures}
    for verdict in reversed(ORDER):
        if verdict in found:
            return verdict
    return "unknown"


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
