"""From rows of tests to a model and back: what is made has the columns, types, tests, units and order of the source."""

import numpy as np
import polars as pl
import pytest

import reverie
from reverie import export
from reverie.reports.given import Given

SMALL = {"network.width": 16, "network.layers": 1, "training.batch": 16, "training.holdout": 0}
UNIT = {
    "NA": ("Sodium (mmol/L)", "mmol/L"),
    "ALT": ("Alanine aminotransferase (U/L)", "U/L"),
    "UCOL": ("Colour of urine", None),
}


def findings(patients=30, seed=0):
    """Laboratory findings of a trial: codes and labels, numbers and text, flags, a number within the subject."""
    rng, rows = np.random.default_rng(seed), []
    for p in range(patients):
        seq = 0
        for number, visit in enumerate(("BASELINE", "WEEK 4", "WEEK 8")):
            for code in UNIT:
                if code == "ALT" and rng.random() < 0.3:
                    continue
                seq += 1
                value = round(float(rng.normal({"NA": 140, "ALT": 30}.get(code, 0), 3)), 1)
                text = str(rng.choice(["amber", "straw"])) if code == "UCOL" else f"{value}"
                flag = "Y" if seq % 2 else None
                who = (f"S-{100 + p}", seq, ("A", "B")[p % 2])
                rows.append((*who, code, *UNIT[code], visit, 28 * number + 1, text, None if code == "UCOL" else value, flag))
    columns = ["USUBJID", "LBSEQ", "ARM", "LBTESTCD", "LBTEST", "LBORRESU", "VISIT", "ADY", "LBORRES", "LBSTRESN", "ANL01FL"]
    return pl.DataFrame(rows, columns, orient="row")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return reverie.train(findings(), tmp_path_factory.mktemp("runs") / "run", steps=30, settings=SMALL)


def test_what_is_made_comes_as_rows_of_known_tests_with_their_labels_and_units(model):
    source, made = findings(), model.sample(12, seed=1)
    assert made.schema == source.schema
    assert set(made["LBTESTCD"]) <= set(UNIT)
    assert all(
        UNIT[code] == (label, unit) for code, label, unit in made.select("LBTESTCD", "LBTEST", "LBORRESU").iter_rows()
    )
    assert made.select(pl.struct("USUBJID", "ADY", "LBTESTCD").is_unique().all()).item()
    assert set(made.filter(LBTESTCD="UCOL")["LBORRES"]) <= {"amber", "straw"}
    numbers = made.filter(pl.col("LBTESTCD") != "UCOL")
    assert numbers["LBORRES"].cast(pl.Float64).equals(numbers["LBSTRESN"]) and numbers["LBSTRESN"].null_count() == 0
    for _, rows in made.group_by("USUBJID"):
        assert rows["LBSEQ"].to_list() == list(range(1, rows.height + 1)) and rows["ARM"].n_unique() == 1
    assert not set(made["USUBJID"]) & set(source["USUBJID"])
    order = {code: place for place, code in enumerate(UNIT)}
    for _, rows in made.group_by("USUBJID", "ADY", maintain_order=True):
        places = [order[code] for code in rows["LBTESTCD"]]
        assert places == sorted(places)


def test_a_completed_table_has_every_given_row_and_one_for_each_test_not_measured(model, tmp_path):
    source = findings(10, seed=3)
    path, out = tmp_path / "given.csv", tmp_path / "whole.csv"
    source.write_csv(path)
    done = export.complete(model, path)
    done.write(out)
    whole = pl.read_csv(out, schema_overrides=source.schema)
    assert whole.height == 10 * 3 * 3 == done.summary(out)["rows"]
    key = ["USUBJID", "ADY", "LBTESTCD"]
    assert whole.join(source, on=key, how="semi").sort(key).equals(source.sort(key))
    assert any(f"{90 - source.height} rows were added" in note for note in done.notes)
    new = whole.join(source, on=key, how="anti")
    assert set(new["LBTESTCD"]) == {"ALT"} and new["LBSTRESN"].null_count() == 0 and set(new["LBORRESU"]) == {"U/L"}
    assert all(rows["LBSEQ"].is_unique().all() for _, rows in whole.group_by("USUBJID"))
    (frame,) = model.impute(source)
    assert frame.join(source, on=key, how="semi").sort(key).equals(source.sort(key))


def test_a_forecast_adds_visits_as_rows(model):
    source = findings(6, seed=4)
    (frame,) = model.forecast(source, 1)
    key = ["USUBJID", "ADY", "LBTESTCD"]
    assert frame.join(source, on=key, how="semi").sort(key).equals(source.sort(key))
    new = frame.join(source, on=key, how="anti")
    last = new.join(source.group_by("USUBJID").agg(pl.col("ADY").max().alias("last")), on="USUBJID")
    assert new.height and (last["ADY"] > last["last"]).all()


def test_the_report_reads_synthetic_rows(model):
    (wide,) = Given.of(model.sample(12, seed=1), model.codec.schema)
    assert wide.columns == model.codec.schema.names and wide["USUBJID"].n_unique() == 12
