"""What new patients of linked tables must be: what is given to them, and what is met by drawing."""

from datetime import datetime

import polars as pl
import pytest

import reverie
from reverie.errors import UsageError
from reverie.export import hospital
from reverie.records.linked import choosing

from .conftest import made_up


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A run of few steps: what must hold holds whatever the network has learned."""
    settings = {"network.width": 16, "network.layers": 1, "network.heads": 2, "batch": 16}
    return reverie.train(made_up(60), out=tmp_path_factory.mktemp("linked") / "run", steps=2, settings=settings)


def test_every_row_is_as_it_must_be(model):
    made = model.sample(60, seed=5, where=["stays.admission_type=emergency", "discharges.destination=home", "sex=male"])
    assert set(made["stays"]["admission_type"]) == {"emergency"} and set(made["patients"]["sex"]) == {"male"}
    assert set(made["discharges"]["destination"]) == {"home"} and made["discharges"].height == made["stays"].height
    for where, said in (
        ("stays.admission=emergency", "admission_type"),
        ("visits.kind=a", "table"),
        ("results.unit=mg", "level of results.unit"),
        ("stays.admission_type=none", "level"),
    ):
        with pytest.raises(UsageError, match=said):
            model.sample(5, where=[where])


def test_every_patient_has_such_a_row_and_the_others_are_as_they_come(model):
    where = [
        "any stays.admission_type=emergency", "any stays.admission_type=elective", "any results.test_name=sodium",
        "any discharges.destination=died",
    ]  # fmt: skip
    made = model.sample(60, seed=5, where=where)
    stays = made["stays"]
    for text in where:
        (table, column), level = text.removeprefix("any ").split("=")[0].split("."), text.split("=")[1]
        rows = made[table]
        rows = rows if "patient_id" in rows.columns else rows.join(stays.select("stay_id", "patient_id"), on="stay_id")
        assert rows.filter(pl.col(column) == level)["patient_id"].n_unique() == 60, text
        assert (rows[column] != level).any(), text
    assert stays.group_by("patient_id").len()["len"].min() == 3  # one for each condition on them
    assert made["patients"].height == 60 and stays["patient_id"].n_unique() == 60
    for conditions, said in (
        (["any sex=male"], "TABLE.column=value"),
        (["any stays.ward=A", "stays.ward=B"], "another ward"),
    ):
        with pytest.raises(UsageError, match=said):
            model.sample(5, where=conditions)


@pytest.mark.parametrize(
    ("where", "table", "good"),
    [
        ("results.value>5", "results", pl.col("value") > 5),
        ("all results.unit=mmol/L", "results", pl.col("unit") == "mmol/L"),
        ("stays.ward!=A", "stays", pl.col("ward") != "A"),
        ("discharges.score<=3", "discharges", pl.col("score") <= 3),
        ("drugs.dose>5", "drugs", pl.col("dose") > 5),
    ],
)
def test_every_row_has_a_value_that_is_more_or_less(model, where, table, good):
    made = model.sample(20, seed=5, where=[where])
    assert made[table].height and made[table].select(good.fill_null(False)).to_series().all()
    assert made["patients"].height == 20
    _whole(made)


@pytest.mark.parametrize(
    ("where", "table", "good"),
    [
        ("any results.value>140", "results", pl.col("value") > 140),
        ("any stays.discharged>=2026-02-01", "stays", pl.col("discharged") >= datetime(2026, 2, 1)),
        ("any discharges.score<2", "discharges", pl.col("score") < 2),
    ],
)
def test_one_row_of_each_patient_has_a_value_that_is_more_or_less(model, where, table, good):
    made = model.sample(40, seed=5, where=[where, "sex=male"])
    rows = made[table].filter(good)
    rows = rows if "patient_id" in rows.columns else rows.join(made["stays"].select("stay_id", "patient_id"), on="stay_id")
    assert rows["patient_id"].n_unique() == 40 and set(made["patients"]["sex"]) == {"male"}
    _whole(made)


def test_there_are_so_many_rows_and_the_first_patients_are_the_same_however_many_are_made(model):
    where = ["count(stays)>=2", "count(drugs)<6"]
    made = model.sample(135, seed=3, where=where)
    assert made["stays"].group_by("patient_id").len()["len"].min() >= 2
    assert made["drugs"].group_by("patient_id").len()["len"].max() < 6 and made["patients"].height == 135
    _whole(made)
    few = model.sample(30, seed=3, where=where, workers=1)
    plain = ["sex", "birth_date", "diabetic"]
    assert few["patients"].select(plain).equals(made["patients"].head(30).select(plain))
    sexes = ["male", "female"] * 4
    given = model.sample(given=pl.DataFrame({"sex": sexes}), where=["count(stays)>=2"])
    assert given["patients"]["sex"].to_list() == sexes and given["stays"].group_by("patient_id").len()["len"].min() >= 2


def test_how_many_were_drawn_is_said(model, tmp_path):
    done = hospital(model, 20, tmp_path / "made", settings={"where": ["count(stays)>=2"]})
    assert done["drawn"] >= 128 and 0 < done["accepted_share"] < 1
    assert "drawn" not in hospital(model, 20, tmp_path / "all", settings={"where": ["sex=male"]})


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (["results.value>1000"], "between 3.* and 1.* in what is made"),
        (["any drugs.dose>50"], "between 5 and 20"),
        (["count(stays)>=50"], "1 to [0-9]+ rows of stays"),
        (["count(stays)=0"], "1 to"),
        (["count(discharges)>1", "count(stays)=1"], "none met 'count\\(discharges\\)>1' and 'count\\(stays\\)=1'"),
        (["count(wards)>1"], "table to count"),
        (["count(stays)>some"], "whole number"),
        (["any results.value>high"], "not a number"),
        (["any stays.admitted>soon"], "not a time"),
        (["stays.ward>A"], "without an order"),
        (["any stays.patient_id=P1"], "a key"),
        (["all sex=male"], "name the table"),
        (["stays.ward=A", "stays.ward=B"], "one ward and another"),
        (["results.value>5", "results.value<4"], "'results.value>5' and 'results.value<4' cannot be at once"),
        (["count(stays)>=3", "count(stays)<3"], "cannot be at once"),
        (["stays.admitted>=2026-02-01", "stays.admitted<2026-02-01"], "cannot be at once"),
    ],
)
def test_what_cannot_be_or_is_not_understood_is_refused_in_a_sentence(model, where, said, monkeypatch):
    monkeypatch.setattr(choosing, "NONE", 2)
    with pytest.raises(UsageError, match=said) as error:
        model.sample(5, where=where)
    assert str(error.value).count(". ") == 0


def _whole(made):
    """Every key that is named is there, each stands once, and rows lie in their stay."""
    assert made["stays"]["stay_id"].is_unique().all() and made["patients"]["patient_id"].is_unique().all()
    for table in ("drugs", "diagnoses", "discharges"):
        assert made[table]["stay_id"].is_in(made["stays"]["stay_id"].implode()).all(), table
    drugs = made["drugs"].join(made["stays"], on="stay_id")
    assert (drugs["patient_id"] == drugs["patient_id_right"]).all() and (drugs["start_time"] >= drugs["admitted"]).all()


def test_names_that_hold_operators_stand_in_double_quotes(tmp_path):
    tables = made_up(60)
    tables["stays"] = tables["stays"].rename({"admission_type": "kind=x"})
    tables["patients"] = tables["patients"].rename({"sex": "p<0.05"})
    settings = {"network.width": 16, "network.layers": 1, "network.heads": 2, "batch": 16}
    model = reverie.train(tables, out=tmp_path / "run", steps=1, settings=settings)
    made = model.sample(20, where=['stays."kind=x"=emergency', 'patients."p<0.05"=male'])
    assert set(made["stays"]["kind=x"]) == {"emergency"} and set(made["patients"]["p<0.05"]) == {"male"}
    for text in ("any stays.kind=x=emergency", "p<0.05=male"):
        with pytest.raises(UsageError, match="put the name in double quotes, as '\""):
            model.sample(5, where=[text])
