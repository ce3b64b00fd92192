"""Rules across tables that every patient keeps are kept in what is made, whatever the network has learned."""

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

import reverie
from reverie.evaluation.linked import Hospital, Plan
from reverie.evaluation.linked.rules import found
from reverie.records.linked import LinkedTables, read_linked
from reverie.records.linked.bonds import Bonds
from reverie.records.linked.fitting import fit_tables

from .conftest import made_up


def ruled(patients):
    """A hospital with rules: no drug in elective stays, some drug for each diabetic, a code of women alone, the ward of
    a drug's stay, nobody treated after death."""
    tables, draw = made_up(patients), np.random.default_rng(1)
    stays, people = tables["stays"], tables["patients"]
    of = stays.select("stay_id", "admission_type", "ward").join(stays.select("stay_id", "patient_id"), on="stay_id")
    drugs = tables["drugs"].join(of.drop("patient_id"), on="stay_id").filter(pl.col("admission_type") == "emergency")
    treated = drugs["patient_id"].unique()
    last = stays.group_by("patient_id").agg(pl.col("discharged").max().dt.date().alias("last"))
    people = people.join(last, on="patient_id", maintain_order="left").with_columns(
        diabetic=pl.col("patient_id").is_in(treated.implode()),
        sex=pl.Series(np.where(np.arange(patients) % 2, "female", "male")),
        death_date=pl.when(pl.Series(draw.random(patients) < 0.5)).then(pl.col("last") + timedelta(days=2)),
    )
    sexes = stays.select("stay_id", "patient_id").join(people.select("patient_id", "sex"), on="patient_id")
    diagnoses = (
        tables["diagnoses"]
        .join(sexes.select("stay_id", "sex"), on="stay_id", maintain_order="left")
        .with_columns(
            icd_code=pl.when((pl.col("icd_code") == "N39.0") & (pl.col("sex") == "female"))
            .then(pl.lit("O80"))
            .otherwise("icd_code")
        )
    )
    return {
        "patients": people.drop("last"),
        "stays": stays,
        "drugs": drugs.drop("admission_type"),
        "diagnoses": diagnoses.drop("sex"),
    }


@pytest.fixture(scope="module")
def tables():
    return read_linked(ruled(150))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    settings = {"network.width": 16, "network.layers": 1, "network.heads": 2, "batch": 16}
    return reverie.train(ruled(150), out=tmp_path_factory.mktemp("ruled") / "run", steps=3, settings=settings)


def broken(tables, made):
    """Rows of `made` that break each rule that all real patients keep, by the rule's text."""
    plan = Plan.of([tables])
    real = Hospital.read(tables, plan, "real")
    rules = [rule for rule in found([real]) if not rule.kept([real]).rows_breaking]
    ours = Hospital.read(LinkedTables(made, tables.schema, "made"), plan, "made")
    return {str(rule): rule.kept([ours]).rows_breaking for rule in rules}


def test_no_rule_that_the_report_finds_is_broken_in_what_is_made(tables, model):
    count = broken(tables, model.sample(140, seed=2))
    named = " ".join(count)
    assert "no row of drugs for each of stays where admission_type is elective" in count
    assert "diagnoses.icd_code O80 only with patients.sex female" in named and "drugs.ward = stays.ward" in count
    assert "stays.admitted <= patients.death_date" in count and not {rule: n for rule, n in count.items() if n}


def test_without_them_they_would_be_broken(tables, model):
    loose = replace(model, codec=_unbound(model.codec))
    count = broken(tables, loose.sample(140, seed=2))
    for rule in ("no row of drugs for each", "O80 only with", "drugs.ward =", "stays.admitted <="):
        assert any(n for text, n in count.items() if rule in text), rule


def test_they_come_back_from_a_folder(model):
    bonds = model.codec.forms.bonds
    assert Bonds.from_config(json.loads(json.dumps(bonds.config))) == bonds and bonds


def test_a_death_that_is_given_stays_and_the_stays_move(model):
    given = pl.DataFrame({"death_date": ["2026-03-01"] * 40})
    made = model.sample(given=given, seed=1)
    assert set(made["patients"]["death_date"].cast(pl.String)) == {"2026-03-01"}
    assert (made["stays"]["admitted"].dt.date().cast(pl.String) <= "2026-03-01").all()


HOLES = (
    ("patients", "sex"), ("patients", "diabetic"), ("patients", "death_date"), ("patients", "birth_date"),
    ("stays", "admission_type"), ("stays", "ward"), ("stays", "discharged"), ("drugs", "ward"), ("drugs", "end_time"),
    ("drugs", "drug"), ("diagnoses", "icd_code"),
)  # fmt: skip


def holed(share, seed=0):
    """A hospital that keeps the rules, with holes; nobody's death is known to be none."""
    tables, draw = ruled(60), np.random.default_rng(seed)
    for name, column in HOLES:
        kept = pl.Series(draw.random(tables[name].height) > share)
        tables[name] = tables[name].with_columns(pl.when(kept).then(pl.col(column)).alias(column))
    return tables


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_holes_are_filled_so_that_rules_hold_with_what_is_given_around_them(tables, model, share):
    given, heard = holed(share), []
    fitted = fit_tables(model.codec, given)
    columns = [f"{table}.{column}" for table, column in HOLES]
    made = fitted.whole(fitted.filled(model.codec, next(model.completed(fitted, columns=columns, hear=heard.append))))
    for name, column in HOLES:
        assert not made[name][column].null_count(), (name, column)
        here = given[name][column].is_not_null()
        assert made[name][column].filter(here).equals(given[name][column].filter(here))
    assert not {rule: n for rule, n in broken(tables, made).items() if n}
    assert not [note for note in heard if "rule" in note]
    loose = replace(model, codec=_unbound(model.codec)).impute(given, columns=columns)[0]
    assert {rule: n for rule, n in broken(tables, loose).items() if n}


def test_who_a_patient_is_is_known_where_what_happened_leaves_one_answer(model):
    given = ruled(60)
    hidden = dict(given, patients=given["patients"].with_columns(sex=pl.lit(None, pl.String)))
    women = given["diagnoses"].filter(pl.col("icd_code") == "O80").join(given["stays"], on="stay_id")["patient_id"]
    told = pl.col("patient_id").is_in(women.implode())
    loose = replace(model, codec=_unbound(model.codec))
    sexes = [one.impute(hidden, seed=1)[0]["patients"].filter(told)["sex"] for one in (model, loose)]
    assert (sexes[0] == "female").all() and not (sexes[1] == "female").all()


def test_what_given_values_break_or_leave_no_room_for_is_told_and_left(model):
    given, heard = ruled(60), []
    man = given["stays"].join(given["patients"].filter(pl.col("sex") == "male"), on="patient_id")["stay_id"][0]
    ward = given["drugs"].drop_nulls("ward")["stay_id"][0]
    here, whose = pl.col("stay_id") == man, pl.col("stay_id") == ward
    given["diagnoses"] = given["diagnoses"].with_columns(
        pl.when(here).then(pl.lit("O80")).otherwise("icd_code").alias("icd_code")
    )
    given["stays"] = given["stays"].with_columns(pl.when(whose).then(None).otherwise("ward").alias("ward"))
    two = given["drugs"].filter(whose).head(1)
    given["drugs"] = pl.concat(
        [given["drugs"].filter(~whose), two.with_columns(ward=pl.lit("A")), two.with_columns(ward=pl.lit("B"))]
    )
    given["diagnoses"] = given["diagnoses"].unique(maintain_order=True)
    fitted = fit_tables(model.codec, given)
    made = next(model.completed(fitted, columns=["stays.ward"], hear=heard.append))
    assert made["diagnoses"].filter(here)["icd_code"].to_list() == ["O80"]
    assert any("In 1 row the given values break the rule diagnoses.icd_code" in note for note in heard)
    assert "Beside what is given, 1 row could not keep the rule drugs.ward = stays.ward." in heard
    assert made["stays"].filter(whose)["ward"][0] in ("A", "B")


def test_a_row_that_each_patient_is_to_have_is_had_where_rules_take_rows_away(tables, model):
    made = model.sample(30, seed=1, where=["any drugs.ward=A", "drugs.dose<=10"])
    assert made["drugs"].filter(pl.col("ward") == "A")["patient_id"].n_unique() == 30 and made["drugs"]["dose"].max() <= 10
    assert not {rule: n for rule, n in broken(tables, made).items() if n}


def _unbound(codec):
    other = type(codec).from_config(codec.config)
    other.forms = replace(other.forms, bonds=Bonds())
    return other


def test_who_has_died_is_not_gone_on_with(model):
    tables = ruled(40)
    dead = tables["patients"].filter(pl.col("death_date").is_not_null())["patient_id"]
    (made,) = model.forecast(tables, 1, seed=1)
    new = made["stays"].slice(tables["stays"].height)
    assert new.height and not new["patient_id"].is_in(dead.implode()).any()
