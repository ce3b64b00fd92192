"""What is counted over every row of a table, exactly: counts of parts with whole patients add.

    counted(a table) = sum over its parts of counted(part)

So a report counts what breaks, lies beyond bounds, is missing or was never seen over all rows of a table of any size, in one
pass, and all that is compared, learned or attacked rests on a sample (sample.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import polars as pl

from reverie.evaluation.cohort import Cohort
from reverie.evaluation.shape import beyond, changing
from reverie.records.emptiness import asked
from reverie.records.kinds.leveled import Leveled
from reverie.records.rules import Rules
from reverie.records.schema import Schema

__all__ = ["ANY", "Broken", "Counted"]

ANY = ""
"""In place of a rule: any of them."""


@dataclass(frozen=True, eq=False)
class Broken:
    """Visits, and what breaks in them.

    Attributes:
        patient: whose row it is, int64 [R].
        rules: by the text of each rule, the rows that break it, bool [R]; by ANY, those that break any.
        filled: cells where a column must be empty, by column.
    """

    patient: np.ndarray
    rules: dict[str, np.ndarray]
    filled: dict[str, int]

    @classmethod
    def of(cls, frame: pl.DataFrame, schema: Schema) -> Broken:
        frame = schema.typed(frame).sort(schema.identifier.name, schema.time.name, maintain_order=True)
        # Of a level that no real patient has rules say nothing: it is counted as what it is.
        heard = {c.name: c.heard(frame[c.name]) for c in schema.columns if isinstance(c, Leveled) and c.levels}
        strange = {name: (cells.is_null() & frame[name].is_not_null()).to_numpy() for name, cells in heard.items()}
        strange = {name: rows for name, rows in strange.items() if rows.any()}
        filled = {}
        for column in (c for c in schema.columns if c.asked_if):
            wrong = (~asked(frame, column) & frame[column.name].is_not_null()).to_numpy()
            filled[column.name] = int((wrong & ~_any(strange, column.asked_if, len(wrong))).sum())
        frame = frame.with_columns(heard[name] for name in strange)
        patient = frame[schema.identifier.name].rle_id().to_numpy().astype(np.int64)
        stated = Rules.of(schema)
        rules = stated.broken(frame)
        rules = {rule.text: rules[rule.text] & ~_any(strange, rule.columns, frame.height) for rule in stated}
        every = np.any([np.zeros(frame.height, dtype=bool), *rules.values()], axis=0)
        return cls(patient, {**rules, ANY: every}, {n: count for n, count in filled.items() if count})

    def patients(self, rule: str = ANY) -> int:
        """How many patients break it."""
        return len(np.unique(self.patient[self.rules[rule]]))


def _any(rows: Mapping[str, np.ndarray], of: Iterable[str], count: int) -> np.ndarray:
    """Which of the rows [R] are among those of any of the names."""
    return np.any([np.zeros(count, dtype=bool), *(rows[name] for name in of if name in rows)], axis=0)


@dataclass(frozen=True, eq=False)
class Counted:
    """Counts over all rows of a table; a count of 0 may be left out.

    Attributes:
        patients, rows: how many there are.
        missing: by column, patients that lack a static, visits that lack a varying one.
        levels: by column and level, the patients that have it at a visit.
        beyond, changing: see shape.py.
        filled: cells where a column must be empty, by column.
        rows_breaking, patients_breaking: by the text of each rule, and by ANY.
    """

    patients: int = 0
    rows: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    levels: Mapping[str, Counter[str]] = field(default_factory=dict)
    beyond: Counter[str] = field(default_factory=Counter)
    changing: Counter[str] = field(default_factory=Counter)
    filled: Counter[str] = field(default_factory=Counter)
    rows_breaking: Counter[str] = field(default_factory=Counter)
    patients_breaking: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, frame: pl.DataFrame, cohort: Cohort, rules: bool = True) -> Counted:
        """Of some whole patients, as a frame and as the cohort read from it; `rules`: whether to look for broken ones."""
        first = cohort.offsets[:-1]
        rows = {c.name: first for c in cohort.schema.static} | {c.name: slice(None) for c in cohort.schema.varying}
        broken = Broken.of(frame, cohort.schema) if rules else Broken(np.zeros(0, dtype=np.int64), {}, {})
        return cls(
            patients=len(cohort),
            rows=cohort.rows,
            missing=Counter({name: int(cohort.missing(name)[at].sum()) for name, at in rows.items()}),
            levels={name: _patients(cohort, cells) for name, cells in cohort.levels.items()},
            beyond=Counter(beyond(cohort)),
            changing=Counter(changing(cohort)),
            filled=Counter(broken.filled),
            rows_breaking=Counter({rule: int(rows.sum()) for rule, rows in broken.rules.items()}),
            patients_breaking=Counter({rule: broken.patients(rule) for rule in broken.rules}),
        )

    def __add__(self, other: Counted) -> Counted:
        return Counted(**{f.name: _sum(getattr(self, f.name), getattr(other, f.name)) for f in fields(self)})

    @property
    def alone(self) -> int:
        """How many levels one patient has, and no other."""
        return sum(count == 1 for of in self.levels.values() for count in of.values())

    def share_missing(self, column: str, static: bool) -> float:
        """The share of patients, or of visits, that lack a column's value."""
        return self.missing[column] / (self.patients if static else self.rows)


def _sum(one: Any, other: Any) -> Any:
    if isinstance(one, Counter):
        return Counter({key: one[key] + other[key] for key in {**one, **other}})
    if isinstance(one, Mapping):
        return {key: _sum(one.get(key, Counter()), other.get(key, Counter())) for key in {**one, **other}}
    return one + other


def _patients(cohort: Cohort, cells: pl.Series) -> Counter[str]:
    """By level, how many patients have it at a visit."""
    frame = pl.DataFrame({"level": cells, "who": cohort.patient}).drop_nulls()
    # Neighbouring visits of a patient are mostly alike: what repeats the row above is gone before any hashing.
    again = (pl.col("level") == pl.col("level").shift()) & (pl.col("who") == pl.col("who").shift())
    counts = frame.filter(~again.fill_null(False)).group_by("level").agg(pl.col("who").n_unique())
    return Counter(dict(zip(counts["level"].to_list(), counts["who"].to_list(), strict=True)))
