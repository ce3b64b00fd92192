"""Latent classes of rows: found where there are any, drawn first, never seen in what is made."""

import json

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from reverie.denoisers.rows import Told, moved
from reverie.process.randomness import generator
from reverie.records.linked import LinkedCodec, LinkedForms, read_linked
from reverie.records.linked.classes import FEWEST
from reverie.records.linked.growing import grow
from reverie.records.linked.questions import HIDDEN, Encoded, draw_question

KINDS = ("heart", "lungs", "bones")
TESTS = {"heart": ["troponin", "bnp", "ck"], "lungs": ["ph", "po2", "pco2"], "bones": ["calcium", "vitamin d", "alp"]}


@pytest.fixture(scope="module")
def clinic():
    """(tables, int64 [stays]): stays of three kinds, which no column says; what is tested does, mostly."""
    draw, kinds = np.random.default_rng(0), []
    tables = {"patients": [], "stays": [], "tests": []}
    for p in range(150):
        tables["patients"].append((f"P{p}", str(draw.choice(["f", "m"]))))
        for s in range(int(draw.integers(1, 4))):
            kind = int(draw.integers(3))
            kinds.append(kind)
            tables["stays"].append((f"P{p}S{s}", f"P{p}", f"2026-0{s + 1}-11T08:00:00", str(draw.choice(["A", "B"]))))
            for name in draw.choice(TESTS[KINDS[kind]], size=int(draw.integers(3, 7))):
                tables["tests"].append((f"P{p}S{s}", str(name), round(float(draw.normal(3 * kind, 1)), 1)))
    columns = {
        "patients": ["patient_id", "sex"],
        "stays": ["stay_id", "patient_id", "admitted", "ward"],
        "tests": ["stay_id", "test", "value"],
    }
    frames = {name: pl.DataFrame(rows, schema=columns[name], orient="row") for name, rows in tables.items()}
    frames["stays"] = frames["stays"].with_columns(pl.col("admitted").str.to_datetime())
    return read_linked(frames, name="clinic"), np.array(kinds)


@pytest.fixture(scope="module")
def learned(clinic):
    """(codec, tables in the order of its tree)."""
    grown = grow(clinic[0])
    return LinkedCodec.fit(LinkedForms.of(clinic[0].schema, grown), grown, {}), grown


def classes_of(codec, scores, table):
    """int64 [rows], as scores tell them."""
    (field,) = codec.cells[table, "rows"].leveled[codec.cells[table, "rows"].class_field :][:1]
    return codec.classes.tables[table].code.level(scores[table].of_rows(np.arange(len(scores[table].above)))[0][
        :, list(field.channels)
    ].double().numpy())  # fmt: skip


def test_stays_of_three_kinds_are_found_to_be_so(clinic, learned):
    codec, grown = learned
    found = classes_of(codec, codec.encode(grown), "stays")
    place = {key: i for i, key in enumerate(clinic[0].frames["stays"]["stay_id"])}
    true = clinic[1][[place[key] for key in grown.frames["stays"]["stay_id"]]]
    for kind in range(3):  # each class is of one kind, though a kind may have several
        of = found[true == kind]
        assert np.isin(of, found[true != kind]).mean() < 0.02
    assert adjusted_rand_score(true, found) > 0.3
