"""A good table in which every awkward column stands at once: 60 people, as a user might bring them."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

PATIENTS = 60


def awkward(seed: int = 0) -> pl.DataFrame:
    """About 400 visits: rows in no order, 5 of them twice, the first 6 patients seen once, times irregular date-times.

    Whose and when: `subject_id` (names such as S-007) and `charttime` (date-times). All else as the columns' names say.
    """
    draw = np.random.default_rng(seed)
    visits = np.where(np.arange(PATIENTS) < 6, 1, draw.integers(2, 13, PATIENTS))
    person = np.repeat(np.arange(PATIENTS), visits)
    rows = len(person)
    gaps = np.ceil(draw.gamma(1.2, 40.0, rows) * 24 * 60)  # minutes, never 0
    since = np.concatenate([np.cumsum(g) for g in np.split(gaps, np.cumsum(visits)[:-1])])
    start = np.datetime64("2019-03-01T08:00", "us") + draw.integers(0, 500, PATIENTS)[person] * np.timedelta64(1, "D")
    charttime = start + since.astype(np.int64) * np.timedelta64(1, "m")

    def holes(values: list, share: float) -> list:
        return [None if hole else value for value, hole in zip(values, draw.random(rows) < share, strict=True)]

    def per_patient(values: list, missing: int = 0) -> list:
        kept = [None if p < missing else v for p, v in enumerate(values)]
        return [kept[p] for p in person]

    commonest = [f"site {chr(65 + k)}" for k in range(20)]
    rare = [f"outreach {k}" for k in range(60)]
    sites = [commonest[draw.integers(20)] if u < 0.85 else rare[draw.integers(60)] for u in draw.random(rows)]
    frame = pl.DataFrame(
        {
            "accession": draw.permutation(rows) + 100_001,
            "subject_id": [f"S-{p:03d}" for p in person],
            "charttime": charttime,
            "birthdate": per_patient(
                [date(1940, 1, 1) + timedelta(days=int(d)) for d in draw.integers(0, 20_000, PATIENTS)], 4
            ),
            "registry_number": per_patient((draw.permutation(PATIENTS) + 9001).tolist()),
            "sex": per_patient(draw.choice(["female", "male"], PATIENTS).tolist(), 3),
            "age": per_patient(draw.integers(20, 90, PATIENTS).tolist()),
            "study": ["phase two"] * rows,
            "biopsy": pl.Series([None] * rows, dtype=pl.String),
            "site": sites,
            "comment": [f"seen on day {k} and felt {k * 7919 % 997} out of ten" for k in range(rows)],
            "grade": holes([["0", "1", "2", "3", "unclear"][k] for k in draw.integers(0, 5, rows)], 0.1),
            "biomarker": holes(np.round(np.exp(draw.normal(1, 2, rows)), 3).tolist(), 0.3),
            "drinks": np.where(draw.random(rows) < 0.7, 0, draw.poisson(6, rows)).tolist(),
            "smoker": holes((draw.random(rows) < 0.3).tolist(), 0.05),
            "stage": holes(draw.integers(1, 5, rows).tolist(), 0.1),
            "platelets": holes(draw.normal(250, 60, rows).round(0).tolist(), 0.15),
            "saturation": np.minimum(np.round(draw.normal(98, 2.5, rows)), 100).astype(np.int64).tolist(),
            "balance": draw.normal(0, 500, rows).round(1).tolist(),
            "counter_ns": (10**17 + draw.integers(0, 10**16, rows)).tolist(),
            "flag": holes(["X"] * rows, 0.8),
        }
    )
    again = frame[draw.choice(rows, 5, replace=False)]
    return pl.concat([frame, again])[draw.permutation(rows + 5)]
