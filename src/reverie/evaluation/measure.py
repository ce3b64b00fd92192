"""A number of the report: what it is, declared once (Metric), and what it came to (Measure); judging.py says what of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

import polars as pl

from reverie.evaluation.judging import FAIL, WARN, judged
from reverie.plain import number_of

__all__ = [
    "ALARM", "FAIL", "FEW", "WARN", "Measure", "Metric", "Section", "Split", "Verdict", "judged", "too_few", "worst",
]  # fmt: skip

FEW = 20
"""Fewer patients on a side say nothing: their deviations are not those of a normal law, and a fit or an attack is luck."""
ALARM = 0.2
"""A claim is not made if so large a share of patients, values or pictures could be wrong unseen."""

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
        tolerance: the smallest difference from the ceiling that is a fault, in the unit.
        unit: "share", "AUC", ... or "" for a pure number.
        ideal: the value of equality: 0, 1, 0.5. None where the ceiling itself is what is aimed at.
        worse: which way is worse: "away" from the ideal on either side (from the ceiling if there is no ideal), or only
            "above" ceiling and ideal (an attack's success), or only "below" both (an accuracy).
        beside: the references that it may stand beside.
        wrong: how much farther than the ceiling a plainly wrong table lies, where shuffled columns are none.
        exact: whether it counts what is there, and estimates nothing: fine is fine then, whatever else would pass.
        alarm: of a metric that its claim rests on, for shuffled columns cannot fail that claim: what it detects, in words,
            with a place for the number.
        told: whether its value is told also where the claim holds.
    """

    name: str
    title: str
    how: str
    claim: str = ""
    tolerance: float = 0.0
    unit: str = ""
    ideal: float | None = None
    worse: Worse = "away"
    beside: tuple[str, ...] = ("ceiling", "floor")
    wrong: float | None = None
    exact: bool = False
    alarm: str = ""
    told: bool = False

    def of(self, **words: str) -> Metric:
        """That of one column, pair or group."""
        return replace(self, **{key: getattr(self, key).format(**words) for key in ("name", "title", "how")})

    def measure(
        self,
        value: float | None,
        n: int,
        detail: str = "",
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
        how = f"{self.how} {detail}".strip()
        measure = Measure(self.name, self.title, value, n, self.unit, ideal=self.ideal, how=how, metric=self, **numbers)
        return judged(
            measure, tolerance=self.tolerance, worse=self.worse, chance=chance, among=among, at=at, wrong=self.wrong
        )

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
        data = {f.name: getattr(self, f.name) for f in fields(self)}
        return {**data, "measures": [m.json() for m in self.measures]}


def too_few(patients: Mapping[str, int], of: str) -> str:
    """Why nothing can be said `of` something, by how many patients there are on each side; "" where there are enough."""
    for name, count in patients.items():
        if count < FEW:
            there = f"there {'is' if count == 1 else 'are'} {number_of(count, f'{name} patient')}"
            return f"{there}, and fewer than {FEW} say nothing of {of}."
    return ""


def worst(measures: tuple[Measure, ...] | list[Measure]) -> Verdict:
    """The gravest verdict among the measures; "unknown" of none."""
    verdicts = {m.verdict for m in measures}
    for verdict in reversed(ORDER):
        if verdict in verdicts:
            return verdict
    return "unknown"
