"""How well hidden lab values are imputed: python benchmarks/imputation.py [--seeds 5] [--minutes M] [--baselines]
[--recipe records] [--method learned --method mmps]

For each seed half of the patients train, and 10, 30 and 50 % of the lab values of the other half are hidden. Beside it:

carry forward      the value before, else the value after, else the training median
interpolation      linear in time between the values around, the nearest beyond them, else the training median
IterativeImputer   scikit-learn's, fitted on training visits (labs, signs, time, age, sex): its prediction, and its draws
                   from the posterior; and both on logarithms, with each lab's value before and after as further columns

A forecast of one number scores its absolute error as CRPS, so all are compared on one scale. Errors are in training
deviations of each lab, and in normal scores (the rank among training values), which no tail rules.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer

from machine import describe
from records_quality import halves
from reverie.evaluation import coverage, crps, median_error
from reverie.evaluation.cohort import Cohort
from reverie.evaluation.distances import normal_scores
from reverie.records.schema import Schema
from reverie.records.table import Table, read_table

SHARES = (0.1, 0.3, 0.5)
ROUNDS = 10
Draws = np.ndarray  # float64 [K, N, L]: draws, visits, labs


def hide(frame: pl.DataFrame, labs: list[str], share: float, seed: int) -> tuple[pl.DataFrame, np.ndarray]:
    """The frame with that share of each lab's values hidden, and which they are, bool [N, L]."""
    generator = np.random.default_rng([seed, round(100 * share)])
    hidden = np.zeros((frame.height, len(labs)), dtype=bool)
    for i, lab in enumerate(labs):
        known = np.flatnonzero(frame[lab].is_not_null().to_numpy())
        hidden[generator.permutation(known)[: round(share * len(known))], i] = True
    holes = [pl.when(pl.Series(~hidden[:, i])).then(pl.col(lab)).otherwise(None).alias(lab) for i, lab in enumerate(labs)]
    return frame.with_columns(holes), hidden


def before_and_after(cohort: Cohort, lab: str) -> tuple[np.ndarray, np.ndarray]:
    """The last value before each visit, and the first after it, of the same patient; NaN where there is none."""
    values = cohort.numbers[lab]
    before, after = np.full((2, cohort.rows), np.nan)
    for start, stop in zip(cohort.offsets[:-1], cohort.offsets[1:], strict=True):
        for row in range(start + 1, stop):
            before[row] = before[row - 1] if np.isnan(values[row - 1]) else values[row - 1]
        for row in range(stop - 2, start - 1, -1):
            after[row] = after[row + 1] if np.isnan(values[row + 1]) else values[row + 1]
    return before, after


def carry_forward(train: Cohort, holes: Cohort, labs: list[str]) -> Draws:
    """One draw: the value before, else after, else the training median."""
    filled = []
    for lab in labs:
        before, after = before_and_after(holes, lab)
        value = np.where(np.isnan(before), after, before)
        filled.append(np.where(np.isnan(value), np.nanmedian(train.numbers[lab]), value))
    return np.stack(filled, axis=1)[None]


def interpolation(train: Cohort, holes: Cohort, labs: list[str]) -> Draws:
    """One draw: linear in time, the nearest value beyond the first and the last."""
    filled = np.empty((1, holes.rows, len(labs)))
    for i, lab in enumerate(labs):
        filled[0, :, i] = np.nanmedian(train.numbers[lab])
        for start, stop in zip(holes.offsets[:-1], holes.offsets[1:], strict=True):
            values, time = holes.numbers[lab][start:stop], holes.time[start:stop]
            known = ~np.isnan(values)
            if known.any():
                filled[0, start:stop, i] = np.interp(time, time[known], values[known])
    return filled


def iterative(train: Cohort, holes: Cohort, labs: list[str], draws: int, seed: int, around: bool) -> Draws:
    """scikit-learn's IterativeImputer (Bayesian ridge regression): draws of its posterior, or one prediction for draws=1.

    Args:
        around: on logarithms, with the value before and after of each lab as further columns.
    """
    imputer = IterativeImputer(sample_posterior=draws > 1, max_iter=ROUNDS, random_state=seed)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        imputer.fit(_matrix(train, labs, around))
        # The posterior is drawn row by row, so draws of a visit are copies of it in one long matrix.
        found = imputer.transform(np.tile(_matrix(holes, labs, around), (draws, 1)))[:, : len(labs)]
    found = found.reshape(draws, holes.rows, len(labs))
    return np.exp(found) if around else found


def _matrix(cohort: Cohort, labs: list[str], around: bool) -> np.ndarray:
    """Visits as numbers, labs first: the other varying columns and statics as codes, and the time."""
    numbers = [cohort.numbers[lab] for lab in labs]
    if around:
        numbers += [values for lab in labs for values in before_and_after(cohort, lab)]
        numbers = [np.log(np.maximum(values, 1e-3)) for values in numbers]
    others = [cohort.time]
    for column in (*cohort.schema.static, *cohort.schema.varying):
        if column.name in ("age", "sex") or (column.role == "varying" and column.name in cohort.levels):
            known = cohort.numbers.get(column.name)
            others.append(known if known is not None else _codes(cohort, column.name, column.levels))
    return np.stack([*numbers, *others], axis=1)


def _codes(cohort: Cohort, name: str, levels: tuple[str, ...]) -> np.ndarray:
    places = {level: float(place) for place, level in enumerate(levels)}
    return cohort.levels[name].replace_strict(places, default=None, return_dtype=pl.Float64).fill_null(np.nan).to_numpy()


def ours(
    model: Any, holes: pl.DataFrame, schema: Schema, labs: list[str], draws: int, seed: int, method: str | None
) -> Draws:
    """The model's draws; refuses an answer that changed a value it was given."""
    found = model.impute(holes, draws=draws, seed=seed, method=method)
    for answer in found:
        for name in schema.names:
            known = holes[name].is_not_null()
            assert answer[name].filter(known).equals(holes[name].filter(known)), f"{name} was changed where it was given"
    return np.stack([answer.select(labs).cast(pl.Float64).to_numpy() for answer in found])


def judged(draws: Draws, truth: np.ndarray, hidden: np.ndarray, train: Cohort, labs: list[str]) -> dict[str, float]:
    """Scores over all hidden cells."""
    scaled, ranked = [], []
    for i, lab in enumerate(labs):
        known = train.numbers[lab][~np.isnan(train.numbers[lab])]
        drawn, right = draws[:, hidden[:, i], i], truth[hidden[:, i], i]
        scaled.append(np.concatenate([drawn, right[None]]) / known.std(ddof=1))
        ranked.append(normal_scores(np.concatenate([drawn, right[None]]), np.sort(known)))
    scaled, ranked = np.concatenate(scaled, axis=1), np.concatenate(ranked, axis=1)
    spread = {f"{level:.0%}": coverage(scaled[:-1], scaled[-1], level) if len(draws) > 1 else np.nan for level in (0.5, 0.9)}
    return {
        "MAE": median_error(scaled[:-1], scaled[-1]),
        "CRPS": float(crps(scaled[:-1], scaled[-1]).mean()),
        **spread,
        "MAE, scores": median_error(ranked[:-1], ranked[-1]),
        "CRPS, scores": float(crps(ranked[:-1], ranked[-1]).mean()),
    }


def one(
    table: Table, seed: int, model: Any, draws: int, methods: Sequence[str | None] = (None,)
) -> dict[tuple[float, str], dict[str, float]]:
    """Every method at every share hidden, for one seed; `model` makes a model of a training frame, or is None; it keeps to
    what is given by each of `methods`, see PatientModel.keeping."""
    schema = table.schema
    labs = [c.name for c in schema.varying if c.numeric]
    train, holdout = halves(table, seed)
    known = Cohort.read(train.frame, schema)
    trained = model(train.frame, seed) if model else None
    truth = holdout.frame.select(labs).cast(pl.Float64).to_numpy()
    found = {}
    for share in SHARES:
        frame, hidden = hide(holdout.frame, labs, share, seed)
        holes = Cohort.read(frame, schema)
        answers = {
            "carry forward": carry_forward(known, holes, labs),
            "interpolation": interpolation(known, holes, labs),
            "IterativeImputer, prediction": iterative(known, holes, labs, 1, seed, False),
            "IterativeImputer, draws": iterative(known, holes, labs, draws, seed, False),
            "the same on logarithms, with before and after, prediction": iterative(known, holes, labs, 1, seed, True),
            "the same on logarithms, with before and after, draws": iterative(known, holes, labs, draws, seed, True),
        }
        if trained is not None:
            ways = {f"Reverie, {trained.keeping(method)}": method for method in methods}
            answers = {name: ours(trained, frame, schema, labs, draws, seed, way) for name, way in ways.items()} | answers
        for name, answer in answers.items():
            found[share, name] = judged(answer, truth, hidden, known, labs)
    return found


def markdown(runs: list[dict[tuple[float, str], dict[str, float]]]) -> str:
    """Mean and deviation over the seeds."""
    measures = list(next(iter(runs[0].values())))
    lines = [f"| hidden | method | {' | '.join(measures)} |", "|---" * (len(measures) + 2) + "|"]
    for share, name in runs[0]:
        cells = []
        for measure in measures:
            values = [run[share, name][measure] for run in runs]
            spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
            cells.append("" if np.isnan(values).all() else f"{np.mean(values):.3f}{spread}")
        lines.append(f"| {share:.0%} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def trainer(minutes: float | None, settings: Mapping[str, Any], recipe: str | None = None) -> Any:
    """What makes a model of a training frame, in a folder that is thrown away."""
    import reverie

    def train(frame: pl.DataFrame, seed: int) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            told = {"seed": seed, "minutes": minutes, "settings": settings, "recipe": recipe, "holdout": 0}
            return reverie.train(frame, Path(folder) / "run", **told)

    return train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="pbc2", help="a table of visits (a file), or pbc2")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--minutes", type=float, help="budget of a fit")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the training")
    parser.add_argument("--recipe", help="of the training: records, or health-gym, which is never given a part of a record")
    parser.add_argument("--method", action="append", help="how what is given is kept to; the model's own way if left out")
    parser.add_argument("--draws", type=int, default=39, help="39 makes the intervals of 50 and 90 %% exact")
    parser.add_argument("--baselines", action="store_true", help="without Reverie")
    told = parser.parse_args()
    settings = {key: yaml.safe_load(value) for key, _, value in (text.partition("=") for text in told.set)}
    table = read_table(told.data)
    print(describe(), flush=True)
    model = None if told.baselines else trainer(told.minutes, settings, told.recipe)
    methods = told.method or (None,)
    print(markdown([one(table, seed, model, told.draws, methods) for seed in range(told.seeds)]))


if __name__ == "__main__":
    main()
