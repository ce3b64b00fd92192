"""A small hospital, made up: patients, their stays, results that name no stay, drugs with a start and an end, diagnoses."""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from reverie.records.linked import LinkedCodec, LinkedForms, read_linked
from reverie.records.linked.growing import grow

HOUR = timedelta(hours=1)
TESTS = {"potassium": (4.1, 0.4, "mmol/L"), "sodium": (140.0, 3.0, "mmol/L"), "glucose": (100.0, 20.0, "mg/dL")}


def made_up(patients, seed=0):
    draw = np.random.default_rng(seed)
    tables = {name: [] for name in ("patients", "stays", "results", "drugs", "diagnoses", "discharges")}
    for p in range(patients):
        name, sick = f"P{p + 1:04d}", draw.random() < 0.3
        born = date(1930, 1, 1) + timedelta(days=int(draw.integers(0, 25_000)))
        tables["patients"].append((name, str(draw.choice(["female", "male"])), born, bool(sick)))
        begun = datetime(2026, 1, 1) + HOUR * int(draw.integers(0, 2000))
        for _ in range(1 + int(draw.poisson(1 + sick))):
            stay, kind = f"S{len(tables['stays']) + 1:05d}", str(draw.choice(["emergency", "elective"]))
            lasts = int(draw.integers(6, 120))
            ended = begun + HOUR * lasts
            tables["stays"].append(
                (stay, name, kind, begun, ended, None if draw.random() < 0.2 else str(draw.choice(["A", "B"])))
            )
            for _ in range(int(draw.poisson(4))):
                test = str(draw.choice(list(TESTS)))
                mean, deviation, unit = TESTS[test]
                value = round(float(draw.normal(mean, deviation)), 1 if mean < 10 else 0)
                tables["results"].append((name, begun + HOUR * int(draw.integers(0, lasts)), test, value, unit))
            for _ in range(int(draw.poisson(1 + 2 * sick))):
                start = int(draw.integers(0, lasts - 2))
                dose = int(draw.choice([5, 10, 20]))
                drug = str(draw.choice(["aspirin", "heparin", "insulin"]))
                until = None if draw.random() < 0.1 else begun + HOUR * int(draw.integers(start, lasts))
                tables["drugs"].append((name, stay, drug, begun + HOUR * start, until, dose))
            codes = draw.choice(["I10", "E11.9", "J18.9", "N39.0"], size=int(draw.integers(1, 4)), replace=False)
            tables["diagnoses"] += [(stay, str(code)) for code in codes]
            if draw.random() < 0.7:
                letter = ended + HOUR * int(draw.integers(1, 48))
                tables["discharges"].append(
                    (stay, letter, str(draw.choice(["home", "clinic", "died"])), int(draw.integers(0, 9)))
                )
            begun = ended + HOUR * int(draw.integers(24, 3000))
    columns = {
        "patients": ["patient_id", "sex", "birth_date", "diabetic"],
        "stays": ["stay_id", "patient_id", "admission_type", "admitted", "discharged", "ward"],
        "results": ["patient_id", "charttime", "test_name", "value", "unit"],
        "drugs": ["patient_id", "stay_id", "drug", "start_time", "end_time", "dose"],
        "diagnoses": ["stay_id", "icd_code"],
        "discharges": ["stay_id", "written", "destination", "score"],
    }
    frames = {name: pl.DataFrame(rows, schema=columns[name], orient="row") for name, rows in tables.items()}
    frames["d_tests"] = pl.DataFrame({"test_name": list(TESTS), "label": [name.title() for name in TESTS]})
    return frames


@pytest.fixture(scope="session")
def hospital():
    return read_linked(made_up(60))


@pytest.fixture(scope="session")
def grown(hospital):
    return grow(hospital)


@pytest.fixture(scope="session")
def codec(hospital, grown):
    lookups = {name: hospital.frames[name] for name in grown.tree.carried}
    return LinkedCodec.fit(LinkedForms.of(hospital.schema, grown), grown, lookups)
