"""Would an analyst come to the same conclusions? The same regression, fitted to synthetic and to real patients.

z_k      = (b_k - b'_k) / sqrt(s_k^2 + s'_k^2)            differences of coefficients in their standard errors
overlap  = 1/2 (|I & I'| / |I| + |I & I'| / |I'|)         of the 95 % intervals I, I' of one coefficient (Karr et al. 2006)

z is N(0, 1) where both tables come from one population, whatever their sizes; a coefficient is reversed where both
intervals exclude 0 on different sides. Linear for numbers, logistic for levels; where rows are visits, errors are clustered
by patient. Cox's model where there are a follow-up and an outcome of the patient.

Covariates are the same everywhere: numbers less their mean over their deviation in the training table (of the logarithm
where they are skew), missing ones at its mean; levels against the commonest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reverie.evaluation.area import Found, area
from reverie.evaluation.cohort import Cohort
from reverie.evaluation.measure import Measure, Metric
from reverie.evaluation.tables import Tables
from reverie.evaluation.use.design import Rows, codes, levels_of, rows_of
from reverie.evaluation.use.fits import Coefficients, cox, regression
from reverie.evaluation.use.prediction import alike, predictors
from reverie.evaluation.use.purposes import Purposes, purposes
from reverie.records.schema import Column

__all__ = ["compared", "effects", "event_of", "overlap"]

EVENTS = 8
"""So many rows of the rarer outcome for each coefficient, or the model is too large to be estimated."""
FEWEST, MOST = 3, 12
RARE = 8
"""A level that fewer rows have in one of the tables is not told apart."""
SKEW = 1.5
OUTCOMES = 3
_EVENT = {"1", "yes", "true", "dead", "died", "death", "deceased", "event"}


CLAIM = "effects"
OVERLAP = Metric(
    "use.effects.{model}.overlap",
    "{what}: overlap of the coefficients' intervals",
    "Mean share that the 95 % intervals of synthetic and training coefficients have in common.",
    CLAIM,
    tolerance=0.2,
    unit="share",
    ideal=1.0,
    worse="below",
)
DISTANCE = Metric(
    "use.effects.{model}.distance",
    "{what}: difference of coefficients in standard errors",
    "Root mean square over coefficients; 1 is what chance gives between two samples of one population.",
    CLAIM,
    tolerance=1.0,
    ideal=1.0,
    worse="above",
)
LARGEST = Metric(
    "use.effects.{model}.largest",
    "{what}: largest difference of one coefficient ({coefficient})",
    "The ideal is what chance gives to the largest of so many.",
    CLAIM,
    tolerance=2.0,
    unit="standard errors",
    worse="above",
)
REVERSED = Metric(
    "use.effects.{model}.reversed",
    "{what}: effects that point the other way",
    "Coefficients whose 95 % intervals exclude 0 on different sides.",
    CLAIM,
    tolerance=0.5,
    unit="effects",
    ideal=0.0,
    worse="above",
    beside=("ceiling",),  # shuffled columns have effects of about 0, and those point the other way by chance alone
)
INTRO = "The same regression fitted to synthetic and to real patients: do the coefficients agree?"


@area("use.effects", "Effect estimates", INTRO, 1, OVERLAP, DISTANCE, LARGEST, REVERSED)
def effects(tables: Tables) -> Found:
    """Coefficients side by side: of the outcome or some columns in turn, and of Cox's model where there is time to event."""
    why = "" if tables.holdout else "no patients were held out to compare with."
    if why := why or tables.too_few("coefficients"):
        return why
    schema = tables.schema
    train, synthetic, holdout, notes = alike(tables)
    mixed = tables.shuffled[0].sample(len(train), np.random.default_rng([tables.seed, 23]))
    cohorts = {"real": train, "synthetic": synthetic, "held-out": holdout, "shuffled": mixed}
    purpose = purposes(schema)
    numeric = [c for c in schema.varying if c.quantity]
    outcomes = (
        [purpose.outcome] if purpose.outcome else ([c for c in schema.varying if len(c.levels) == 2] + numeric)[:OUTCOMES]
    )
    measures: list[Measure] = []
    figures: dict[str, Any] = {}
    for outcome in outcomes:
        name = "outcome" if outcome is purpose.outcome else f"column.{outcome.name}"
        measures += _one(name, outcome, purpose, cohorts, figures, notes)
    if purpose.outcome and purpose.follow_up and purpose.outcome.role == "static":
        measures += _one("survival", purpose.outcome, purpose, cohorts, figures, notes, purpose.follow_up)
    if not measures:
        return "no column could be explained by the others."
    return measures, figures, (*purpose.notes, *notes)


def event_of(outcome: Column, levels: list[str]) -> str:
    """The level of an outcome that counts as the event: by its name, else the last."""
    named = [level for level in levels if level.lower() in _EVENT]
    return named[0] if named else (outcome.levels or levels)[-1]


def overlap(b: np.ndarray, s: np.ndarray, b_: np.ndarray, s_: np.ndarray) -> np.ndarray:
    """Overlap of 95 % intervals [K]; 1 if they are equal, 0 if they are apart."""
    half, half_ = 1.959964 * s, 1.959964 * s_
    common = np.minimum(b + half, b_ + half_) - np.maximum(b - half, b_ - half_)
    return np.maximum(common, 0) / 2 * (1 / (2 * half) + 1 / (2 * half_))


@dataclass(frozen=True)
class Agreement:
    """How far the coefficients of another table are from those of the training table, see the head of this module."""

    distance: float
    overlap: float
    overlap_deviation: float | None
    largest: float
    of: int
    turned: tuple[str, ...]

    @classmethod
    def between(cls, real: Coefficients, other: Coefficients) -> Agreement:
        z, shared, k = _z(real, other), overlap(real.b, real.s, other.b, other.s), len(real.names)
        return cls(
            float(np.sqrt((z**2).mean())),
            float(shared.mean()),
            float(shared.std(ddof=1) / np.sqrt(k)) if k > 1 else None,
            float(np.abs(z).max()),
            int(np.abs(z).argmax()),
            tuple(n for n, flag in zip(real.names, _reversed(real, other), strict=True) if flag),
        )


def compared(
    model: str, what: str, real: Coefficients, synthetic: Coefficients, held: Coefficients | None, mixed: Coefficients | None
) -> list[Measure]:
    """Overlap, distance, largest difference and reversals of the coefficients, beside held-out and shuffled patients."""
    k, ours = len(real.names), Agreement.between(real, synthetic)
    of_held, of_mixed = (None if other is None else Agreement.between(real, other) for other in (held, mixed))
    most, of_error = ours.of, 1 / float(np.sqrt(2 * k))
    words = {"model": model, "what": what, "coefficient": real.names[most]}
    fitted = (
        f"{k} coefficients, fitted to {synthetic.n:,} synthetic and {real.n:,} training rows; ceiling: to held-out ones."
    )

    def beside(of: Callable[[Agreement], float], floor: bool = True) -> dict[str, Any]:
        references = {"ceiling": of_held and of(of_held), "floor": of_mixed and of(of_mixed) if floor else None}
        return {"deviation": 0.0, "ceiling_deviation": 0.0} | references

    # Where real patients differ by more than chance (errors that are too small, rows that are not alike) that is chance too.
    wide = max(1.0, of_held.distance) if of_held else 1.0
    chance: dict[str, Any] = {"deviation": of_error * wide, "ceiling_deviation": of_error * wide}
    shared: dict[str, Any] = {
        "deviation": ours.overlap_deviation,
        "ceiling_deviation": of_held and of_held.overlap_deviation,
    }
    apart: dict[str, Any] = {"deviation": 0.6 * wide, "ceiling_deviation": None}  # 0.6: of the largest of some |N(0, 1)|
    clear = float((np.abs(real.b) > 1.96 * real.s).sum())
    largest = replace(LARGEST.of(**words), ideal=float(np.sqrt(2 * np.log(max(k, 2)))))
    values = f"{real.names[most]}: {real.b[most]:.3g} in training and {synthetic.b[most]:.3g} in synthetic patients."
    turned = ", ".join(ours.turned)
    return [
        OVERLAP.of(**words).measure(ours.overlap, k, fitted, **beside(lambda a: a.overlap) | shared),
        DISTANCE.of(**words).measure(ours.distance, k, fitted, **beside(lambda a: a.distance) | chance),
        largest.measure(ours.largest, k, values, **beside(lambda a: a.largest) | apart),
        replace(REVERSED.of(**words), wrong=clear).measure(
            float(len(ours.turned)), k, turned, **beside(lambda a: float(len(a.turned)), False)
        ),
    ]


def _z(a: Coefficients, b: Coefficients) -> np.ndarray:
    return (b.b - a.b) / np.sqrt(a.s**2 + b.s**2)


def _reversed(a: Coefficients, b: Coefficients) -> np.ndarray:
    return (a.b * b.b < 0) & (np.abs(a.b) > 1.96 * a.s) & (np.abs(b.b) > 1.96 * b.s)


def _one(
    name: str,
    outcome: Column,
    purpose: Purposes,
    cohorts: dict[str, Cohort],
    figures: dict[str, Any],
    notes: list[str],
    follow_up: Column | None = None,
) -> list[Measure]:
    """One model in all tables."""
    rows = {which: rows_of(cohort, outcome) for which, cohort in cohorts.items()}
    levels = [] if outcome.numeric else levels_of(rows["real"], outcome.name)
    event = event_of(outcome, levels) if levels else ""
    what = f"hazard of {outcome.name} = {event}" if follow_up else f"{outcome.name} = {event}" if event else outcome.name
    y = {which: _outcome(r, outcome, event) for which, r in rows.items()}
    if not outcome.numeric and min(_rarer(v) for v in y.values()) < FEWEST:
        notes.append(f"{what} is not explained: in one of the tables nearly all rows are alike in it.")
        return []
    room = _rarer(y["real"]) // EVENTS if not outcome.numeric else len(y["real"]) // 10
    x, names = _covariates(rows, outcome, purpose, int(np.clip(room, FEWEST, MOST)))
    if not names:
        notes.append(f"{what} is not explained: no other column varies in all tables.")
        return []
    fits: dict[str, Coefficients | None] = {}
    for which, r in rows.items():
        if follow_up:
            fits[which] = cox(x[which], r.numbers(follow_up.name), y[which], names)
        else:
            groups = None if outcome.role == "static" else r.patient
            fits[which] = regression(x[which], y[which], names, not outcome.numeric, groups)
    real, synthetic, held, mixed = (fits[which] for which in cohorts)
    if real is None or synthetic is None:
        side = "training" if real is None else "synthetic"
        why = f"the model has no finite solution on the {side} patients."
        return [DISTANCE.of(model=name, what=what).unknown(why)]
    figures[f"effects.{name}.coefficients"] = _figure(
        what, {n: c for n, c in fits.items() if n != "shuffled"}, follow_up is not None
    )
    return compared(name, what, real, synthetic, held, mixed)


def _outcome(rows: Rows, outcome: Column, event: str) -> np.ndarray:
    if not outcome.numeric:
        return codes(rows, outcome.name, [event]) + 1.0
    values = rows.numbers(outcome.name)
    return np.log(np.maximum(values, 1e-9)) if _logarithmic(outcome) else values


def _rarer(y: np.ndarray) -> int:
    return int(min(y.sum(), len(y) - y.sum()))


def _logarithmic(column: Column | None) -> bool:
    return bool(column and (column.skew or 0) > SKEW and (column.lowest or 0) > 0)


def _covariates(
    rows: dict[str, Rows], outcome: Column, purpose: Purposes, most: int
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Columns [n, K] of each table and their names, treatment first, then statics, then the best filled columns."""
    schema = rows["real"].cohort.schema
    columns = {c.name: c for c in (*schema.static, *schema.varying)}
    names = [n for n in predictors(rows["real"].cohort, outcome, purpose) if n in columns]
    names.sort(key=lambda n: (columns[n] is not purpose.treatment, columns[n].role != "static", columns[n].missing))
    columns_of: dict[str, list[np.ndarray]] = {which: [] for which in rows}
    labels: list[str] = []
    for name in names:
        if columns[name].numeric:
            parts = {which: _standard(rows["real"], r, columns[name]) for which, r in rows.items()}
            if min(float(v.std()) for v in parts.values()) > 1e-6:
                labels.append(("log " if _logarithmic(columns[name]) else "") + name)
                for which, values in parts.items():
                    columns_of[which].append(values)
            continue
        levels = levels_of(rows["real"], name)
        at = {which: codes(r, name, levels) for which, r in rows.items()}
        common = int(np.bincount(at["real"][at["real"] >= 0], minlength=len(levels)).argmax()) if levels else 0
        for i, level in enumerate(levels):
            if i != common and min(int((a == i).sum()) for a in at.values()) >= RARE:
                labels.append(f"{name} = {level}")
                for which, a in at.items():
                    columns_of[which].append((a == i).astype(float))
    labels = labels[:most]
    return {which: np.stack(c[:most], axis=1) if labels else np.zeros((0, 0)) for which, c in columns_of.items()}, labels


def _standard(real: Rows, rows: Rows, column: Column) -> np.ndarray:
    reference, values = (r.numbers(column.name) for r in (real, rows))
    if _logarithmic(column):
        reference, values = (np.log(np.maximum(v, column.lowest or 1e-9)) for v in (reference, values))
    if np.isnan(reference).all():
        return np.zeros(len(values))
    return np.nan_to_num((values - np.nanmean(reference)) / max(float(np.nanstd(reference)), 1e-12))


def _figure(what: str, fits: dict[str, Coefficients | None], hazard: bool) -> dict[str, Any]:
    series = {
        which: [[b, b - 1.959964 * s, b + 1.959964 * s] for b, s in zip(c.b.tolist(), c.s.tolist(), strict=True)]
        for which, c in fits.items()
        if c is not None
    }
    kind = "log hazard ratio" if hazard else "coefficient"
    return {
        "kind": "intervals",
        "title": f"Effects on {what}",
        "note": f"The {kind} per standard deviation (numbers) or against the commonest level, with 95 % intervals.",
        "labels": next(c.names for c in fits.values() if c is not None),
        "series": series,
        "x_label": kind,
        "reference": 0,
    }
