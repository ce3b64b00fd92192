"""A part of the report: its declared metrics, and one function that computes them of the tables.

    @area("fidelity.thing", "Things", "What things are.", 1.0, THING, OTHER)
    def things(tables: Tables) -> Found:
        return [THING.measure(...)], {}, ()

A part that cannot be judged returns the sentence that says why, and each of its metrics says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, Self, TypeVar

from reverie.evaluation.judging import against
from reverie.evaluation.measure import Measure, Metric, Section

__all__ = ["Area", "Found", "Of", "area"]

Found = tuple[Sequence[Measure], dict[str, Any], Sequence[str]] | str
"""Measures, figures (plain data by name), and notes on what was left out; or why nothing was judged."""


class Subject(Protocol):
    """What is reported on: a table (tables.py), or linked ones (linked/sides.py)."""

    @property
    def leaked(self) -> Self:
        """The same with training patients in the place of the synthetic ones."""
        ...


Of = TypeVar("Of", bound=Subject)


@dataclass(frozen=True, eq=False)
class Area(Generic[Of]):
    """See the module.

    Attributes:
        name, title, intro: of its section.
        weight: its expected time, in seconds on the bundled cohort.
        metrics: all that it may measure, in the order in which they are read.
        compute: what computes them.
        given: whether it can be asked of these tables at all.
        attack: whether it must find out the training patients themselves, given as synthetic ones: what it could not find
            there either is not judged.
    """

    name: str
    title: str
    intro: str
    weight: float
    metrics: tuple[Metric, ...]
    compute: Callable[[Of], Found]
    given: Callable[[Any], bool]
    attack: bool

    def __call__(self, tables: Of) -> Section:
        """The section. Deterministic for the tables and their seed."""
        computed = self.compute(tables)
        if isinstance(computed, str):
            return self.unknown(computed)
        measures, figures, notes = computed
        if self.attack and not isinstance(leaked := self.compute(tables.leaked), str):
            reached = {m.name: m for m in leaked[0]}
            measures = [against(m, reached.get(m.name)) for m in measures]
        return Section(self.name, self.title, self.intro, tuple(measures), figures, tuple(notes))

    def unknown(self, why: str) -> Section:
        """The section where nothing can be judged: of metrics of one column or group each, one for all."""
        single = [replace(m, title=m.title.replace(" ({column})", "")) for m in self.metrics if "{" not in m.name]
        whole = Metric(self.name, self.title, "", self.metrics[0].claim)
        measures = tuple(metric.unknown(why) for metric in single or [whole])
        return Section(self.name, self.title, self.intro, measures, {})


def area(
    name: str,
    title: str,
    intro: str,
    weight: float,
    *metrics: Metric,
    given: Callable[[Any], bool] = lambda tables: True,
    attack: bool = False,
) -> Callable[[Callable[[Of], Found]], Area[Of]]:
    """Makes an area of the function that computes it."""
    return lambda compute: Area(name, title, intro, weight, metrics, compute, given, attack)
