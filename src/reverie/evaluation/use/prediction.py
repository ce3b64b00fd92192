"""Train on synthetic, test on real: does a model learned from synthetic patients work on real ones?

The same model (logistic regression, ridge penalty 1) is fitted to the synthetic table and to the training table, with as
many patients, and both predict the held-out patients, of whom neither has seen a visit.

of a patient   from the statics and the first visit
of a visit     from the statics, the time and the other columns of the visit

Intervals are by bootstrap over held-out patients. Deviations are over refits to resampled patients of the table fitted to.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression

from reverie.evaluation.area import Found, area
from reverie.evaluation.cohort import GAP, Cohort, equal
from reverie.evaluation.measure import Measure, Metric
from reverie.evaluation.tables import Tables
from reverie.evaluation.use.design import TIME, Encoder, Rows, codes, levels_of, resampled, rows_of
from reverie.evaluation.use.purposes import Purposes, purposes
from reverie.evaluation.use.scoring import CASES, area_under, brier, slope
from reverie.records.schema import Column

__all__ = ["Classifier", "alike", "prediction", "predictors"]

REFITS, BOOTSTRAPS = 12, 100
TASKS = 6
MOST, ROWS = 1500, 2500
"""At most so many patients of each table, and fewer of many visits: with more, a few dozen weights learn nothing more."""
TOLD = 0.6
"""The AUC from which on a calibration slope means something."""
PURE = 0.98
"""A column whose levels tell the outcome for so many patients is the outcome by another name."""


@dataclass(frozen=True, eq=False)
class Classifier:
    """A model of a column's levels, to be fitted to some rows, whole or resampled.

    Attributes:
        levels: all that are to be predicted; one that the rows do not have is never predicted.
        encoder: of the rows.
        x, y: predictors [n, F] and places of levels [n].
        patient: whose each row is, [n].
    """

    levels: list[str]
    encoder: Encoder
    x: np.ndarray
    y: np.ndarray
    patient: np.ndarray

    @classmethod
    def of(cls, rows: Rows, target: str, names: list[str], levels: list[str]) -> Classifier:
        y = codes(rows, target, levels)
        rows, y = rows.where(y >= 0), y[y >= 0]
        encoder = Encoder.fit(rows, names)
        return cls(levels, encoder, encoder(rows), y, rows.patient)

    def __len__(self) -> int:
        return len(self.y)

    def predict(self, at: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Probabilities [n, K] at encoded rows [n, F], after a fit to all rows or to those named."""
        chosen = np.arange(len(self.y)) if rows is None else rows
        p = np.zeros((len(at), len(self.levels)))
        rows_, counts = np.unique(chosen, return_counts=True)
        y = self.y[rows_]
        if len(np.unique(y)) < 2:
            p[:, y[0] if len(y) else 0] = 1.0
            return p
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a fit cut short is scored like any other
            model = LogisticRegression(solver="newton-cholesky", max_iter=50).fit(self.x[rows_], y, sample_weight=counts)
        p[:, model.classes_] = model.predict_proba(at)
        return p


HOW = (
    "Logistic regression fitted to synthetic rows and tested on held-out ones; the ceiling is fitted to training rows. "
    f"Interval: bootstrap over held-out patients; deviations over {REFITS} refits to resampled patients."
)
CLAIM = "prediction models"
AUC = Metric(
    "use.prediction.{target}.auc",
    "{column}: discrimination, trained on synthetic patients",
    HOW,
    CLAIM,
    tolerance=0.05,
    unit="AUC",
    worse="below",
)
BRIER = Metric(
    "use.prediction.{target}.brier", "{column}: Brier score, trained on synthetic patients", HOW, CLAIM, 0.03, worse="above"
)
SLOPE = Metric(
    "use.prediction.{target}.slope",
    "{column}: calibration slope, trained on synthetic patients",
    HOW,
    CLAIM,
    tolerance=0.3,
    ideal=1.0,
    wrong=1.0,
    beside=("ceiling",),
)
INTRO = "A model trained on synthetic patients and tested on real held-out ones, beside the same model trained on real ones."


@area("use.prediction", "Prediction", INTRO, 2, AUC, BRIER, SLOPE)
def prediction(tables: Tables) -> Found:
    """How well a model learned from synthetic patients predicts held-out ones, beside one learned from training patients.

    The outcome is the schema's (purposes.py); without one each column with levels is one in turn, at most TASKS of them.
    """
    why = "" if tables.holdout else "no patients were held out to test on."
    if why := why or tables.too_few("a model's predictions"):
        return why
    schema, seed = tables.schema, tables.seed
    train, synthetic, holdout, notes = alike(tables)
    purpose = purposes(schema)
    others = [c for c in (*schema.static, *schema.varying) if not c.numeric][:TASKS]
    outcomes = others if purpose.outcome is None else [purpose.outcome]
    measures: list[Measure] = []
    areas: dict[str, list[Any]] = {}
    figures: dict[str, Any] = {}
    for number, target in enumerate(outcomes):
        main = target is purpose.outcome
        task = _Task(target, predictors(train, target, purpose), train, synthetic, holdout)
        if why := task.impossible:
            notes.append(f"{target.name} is not predicted: {why}.")
            continue
        name = "outcome" if main else f"column.{target.name}"
        of_task = task.measures(name, seed + number)
        measures += of_task
        areas[target.name] = list(of_task)
        if main:
            figures["prediction.calibration"] = task.calibration()
            if dropped := [c.name for c in schema.static if c.name not in task.names and c is not target]:
                notes.append(f"{target.name} is predicted without {', '.join(dropped)}, which tell it by themselves.")
    if areas:
        figures["prediction.areas"] = _figure(areas)
    if not measures:
        return "no column with levels has enough held-out patients of two levels."
    return measures, figures, (*purpose.notes, *notes)


def alike(tables: Tables, most: int = MOST) -> tuple[Cohort, Cohort, Cohort, list[str]]:
    """Training and synthetic patients, as many of each and at most `most`; held-out ones; and notes on it."""
    assert tables.holdout is not None
    most = min(most, max(1, int(ROWS * len(tables.train) / tables.train.rows)))
    pair, seed = equal([tables.train, tables.synthetic], tables.seed), tables.seed
    train, synthetic = (c.sample(most, np.random.default_rng([seed, 21, i])) for i, c in enumerate(pair))
    holdout = tables.holdout.sample(most, np.random.default_rng([seed, 22]))
    notes = [
        f"Of {tables.sizes(name):,} {name} patients {len(part):,} were drawn at random; "
        "models are fitted to as many of each kind."
        for name, part in {"training": train, "synthetic": synthetic, "held-out": holdout}.items()
        if len(part) < tables.sizes(name)
    ]
    return train, synthetic, holdout, notes


def predictors(train: Cohort, target: Column, purpose: Purposes) -> list[str]:
    """What a column is predicted from; not the follow-up where it is the outcome, nor columns that tell it by themselves."""
    schema = train.schema
    names = [c.name for c in (*schema.static, *schema.varying) if c.name != target.name]
    if target is purpose.outcome and purpose.follow_up is not None:
        names.remove(purpose.follow_up.name)
    if not target.numeric:
        rows = rows_of(train, target)
        names = [name for name in names if name in train.numbers or not _tells(rows, name, target.name)]
    return names if target.role == "static" else [TIME, GAP, *names]


def _tells(rows: Rows, name: str, target: str) -> bool:
    """Whether the levels of a column tell nearly all of those of another, and more than guessing the commonest would."""
    pairs = pl.DataFrame({"x": rows.cohort.levels[name][rows.at], "y": rows.cohort.levels[target][rows.at]})
    counts = pairs.group_by("x", "y").len()
    pure = float(counts.group_by("x").agg(pl.col("len").max())["len"].sum()) / max(len(rows), 1)
    common = float(counts.group_by("y").agg(pl.col("len").sum())["len"].max()) / max(len(rows), 1)  # pyright: ignore
    return pure >= PURE and 1 - pure < (1 - common) / 4


class _Task:
    """One column to be predicted."""

    def __init__(self, target: Column, names: list[str], train: Cohort, synthetic: Cohort, holdout: Cohort) -> None:
        self.target, self.names = target, names
        self.train, self.drawn, self.test = (rows_of(c, target) for c in (train, synthetic, holdout))
        self.levels = levels_of(self.train, target.name)
        y = codes(self.test, target.name, self.levels)
        self.test, self.y = self.test.where(y >= 0), y[y >= 0]
        self.models = [Classifier.of(rows, target.name, names, self.levels) for rows in (self.drawn, self.train)]

    @property
    def impossible(self) -> str:
        if len(self.levels) < 2 or len(self.train) < 2 * CASES:
            return "the training patients have one level of it"
        counts = np.bincount(self.y, minlength=len(self.levels))
        if not any(min(c, len(self.y) - c) >= CASES for c in counts):
            return f"fewer than {CASES} held-out rows have a second level of it"
        return "" if len(self.drawn) else "the synthetic patients have no value of it"

    def measures(self, name: str, seed: int) -> list[Measure]:
        draw = np.random.default_rng([seed, 23])
        scores = (area_under, brier, slope)
        refits: list[list[list[float]]] = []
        tested: list[np.ndarray] = []
        for model in self.models:
            at = model.encoder(self.test)
            tested.append(model.predict(at))
            again = (model.predict(at, resampled(model.patient, draw)) for _ in range(REFITS))
            refits.append([[s(q, self.y) for s in scores] for q in again])
        p, real = self.p, self.real = tested[0], tested[1]
        spread = [np.nanstd(np.array(r, dtype=float), axis=0, ddof=1) for r in refits]
        tests = [resampled(self.test.patient, draw) for _ in range(BOOTSTRAPS)]
        share = np.bincount(self.y, minlength=len(self.levels)) / len(self.y)
        guess = brier(np.tile(share, (len(self.y), 1)), self.y)
        unit = "held-out patients" if self.target.role == "static" else "visits of held-out patients"
        fitted = f"{len(self.drawn):,} synthetic and {len(self.train):,} training rows, {len(self.y):,} {unit}."
        measures: list[Measure] = []
        parts = ((AUC, area_under, 0.5), (BRIER, brier, guess), (SLOPE, slope, None))
        for i, (declared, score, floor) in enumerate(parts):
            metric = declared.of(target=name, column=self.target.name)
            values = [score(p[t], self.y[t]) for t in tests]
            low, high = np.nanquantile(values, [0.025, 0.975]) if not np.isnan(values).all() else (np.nan, np.nan)
            measure = metric.measure(
                score(p, self.y),
                len(self.y),
                fitted,
                interval=(float(low), float(high)),
                deviation=float(spread[0][i]),
                ceiling=score(real, self.y),
                ceiling_deviation=float(spread[1][i]),
                floor=floor,
            )
            if declared is SLOPE and measures[0].ceiling is not None and measures[0].ceiling < TOLD:
                why = "real patients do not tell it either, and what is not told is not calibrated."
                measure = replace(measure, verdict="unknown", why=why, detects=None, power=None)
            measures.append(measure)
        return measures

    def calibration(self) -> dict[str, Any]:
        """Observed against predicted share of one level (the second of two, else the commonest), by tenths of prediction."""
        k = 1 if len(self.levels) == 2 else int(np.bincount(self.y).argmax())
        edges = np.linspace(0, 1, 11)
        series = {}
        for name, p in (("synthetic", self.p), ("real", self.real)):
            at = np.clip(np.digitize(p[:, k], edges) - 1, 0, 9)
            series[name] = [float((self.y[at == i] == k).mean()) if (at == i).sum() >= CASES else None for i in range(10)]
        return {
            "kind": "lines",
            "title": f"Calibration: {self.target.name} = {self.levels[k]} among held-out patients",
            "note": "Observed share by predicted probability; on the diagonal a model says neither too much nor too little.",
            "x": ((edges[1:] + edges[:-1]) / 2).round(3).tolist(),
            "series": series,
            "x_label": "predicted probability",
            "y_label": "observed share",
            "diagonal": True,
        }


def _figure(areas: dict[str, list[Measure]]) -> dict[str, Any]:
    first = {name: measures[0] for name, measures in areas.items()}
    return {
        "kind": "bars",
        "title": "Discrimination on held-out patients",
        "note": "AUC of a model trained on synthetic and on real patients; 0.5 is guessing. Lines are 95 % intervals.",
        "labels": list(first),
        "series": {"real": [m.ceiling for m in first.values()], "synthetic": [m.value for m in first.values()]},
        "intervals": {"synthetic": [list(m.interval) if m.interval else None for m in first.values()]},
        "y_label": "AUC",
    }
