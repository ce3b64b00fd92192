"""Rules between the time of a table's rows and its other columns: found, told by its own name, kept in what is made."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

import reverie
from reverie.records.linked import LinkedForms, LinkedSchema, read_linked
from reverie.records.linked.growing import grow
from reverie.records.linked.wording import told


def followed(patients=60, seed=0):
    """Patients, visits in years since each came, none as late as they were followed for, and letters that are sent when they
    are written or later, and answered later still."""
    draw = np.random.default_rng(seed)
    visits, letters = [], []
    for p in range(patients):
        years = round(float(draw.uniform(1, 12)), 2)
        at = sorted({0.0, *np.round(draw.uniform(0, years - 0.02, draw.integers(1, 6)), 2)})
        visits += [(f"P{p:03d}", float(year), years, round(float(draw.normal(3, 1)), 1)) for year in at]
        for _ in range(int(draw.integers(1, 4))):
            written = datetime(2026, 1, 1) + timedelta(hours=int(draw.integers(0, 9000)))
            sent = written + timedelta(days=int(draw.geometric(0.3)) - 1)
            answered = (sent + timedelta(days=int(draw.geometric(0.3)) - 1)).date()
            letters.append((f"P{p:03d}", written, sent, answered, str(draw.choice(["a", "b"]))))
    return {
        "patients": pl.DataFrame(
            {"patient_id": [f"P{p:03d}" for p in range(patients)], "sex": ["f", "m"] * (patients // 2)}
        ),
        "visits": pl.DataFrame(visits, schema=["patient_id", "year", "years", "bilirubin"], orient="row"),
        "letters": pl.DataFrame(letters, schema=["patient_id", "written", "sent", "answered", "about"], orient="row"),
    }


def decided(schema=None):
    read = read_linked(followed(), schema)
    forms = LinkedForms.of(read.schema, grow(read))
    return told(read.schema, forms.forms, forms.columns), forms


def kept(made):
    visits, letters = made["visits"], made["letters"]
    dated = letters.select(pl.col("written", "sent").dt.date(), "answered").drop_nulls()
    return (
        (visits["year"] < visits["years"]).all()
        and (letters["written"] <= letters["sent"]).all()
        and (dated["sent"] <= dated["answered"]).all()
    )


def test_rules_on_the_clock_are_found_and_called_by_its_own_name():
    schema, _ = decided()
    assert "year < years" in schema["visits"].rules
    assert {"written <= sent", "sent <= answered"} == set(schema["letters"].rules)


def test_rules_on_the_clock_are_read_again_as_they_were_found():
    schema, first = decided()
    _, again = decided(LinkedSchema.from_yaml(schema.yaml(), "hospital.yaml"))
    for table, of in first.columns.items():
        assert set(of.rules) == set(again.columns[table].rules), table
    struck = {"rules": tuple(rule for rule in schema["visits"].rules if rule != "year < years")}
    changed = tuple(t.model_copy(update=struck if t.name == "visits" else {}) for t in schema.tables)
    _, without = decided(LinkedSchema(tables=changed))
    assert len(without.columns["visits"].rules) == len(first.columns["visits"].rules) - 1


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    assert kept(followed())
    settings = {"network.width": 16, "network.layers": 1, "network.heads": 2, "batch": 16}
    return reverie.train(followed(), out=tmp_path_factory.mktemp("runs") / "run", steps=2, settings=settings)


def test_rules_on_the_clock_are_kept_in_what_is_made(model):
    made = model.sample(100, seed=1)
    assert kept(made) and made["visits"].height > 150 and made["letters"].height > 100


def test_rules_on_the_clock_are_kept_in_what_is_filled(model):
    source = followed()
    source["visits"] = source["visits"].with_columns(years=None)
    source["letters"] = source["letters"].with_columns(sent=pl.lit(None, pl.Datetime("us")))
    (filled,) = model.impute(source, columns=["visits.years", "letters.sent"])
    assert kept(filled) and not filled["visits"]["years"].null_count() and not filled["letters"]["sent"].null_count()


def test_rules_on_the_clock_are_kept_in_what_comes_after(model):
    source, heard = followed(), []
    source["letters"] = source["letters"].clear()
    (made,) = model.forecast(source, 1, seed=3, hear=heard.append)
    new = made["visits"][source["visits"].height :]
    assert kept(made) and 0 < new.height < 60 and any("fewer rows" in note for note in heard)
    whole = made["visits"].group_by("patient_id").agg(pl.col("years").n_unique())
    assert whole["years"].max() == 1
