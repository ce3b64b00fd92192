"""Rows that stand otherwise than one for each patient and time: made and completed in the layout in which they came.

Pivots, visits by name, joined identifiers and tables without time or identifier are each in shapes/; here is what a whole
file of such rows becomes.
"""

import numpy as np
import polars as pl
import pytest

from reverie import export

draw = np.random.default_rng(0)
KINDS = {"Creatinine": (50912, "mg/dL", 1.0), "Sodium": (50983, "mEq/L", 139.0), "Hemoglobin": (51222, "g/dL", 12.5)}


def labevents() -> pl.DataFrame:
    """Laboratory events of stays: a row for each test, persons, stays and rows numbered."""
    rows = []
    for p in range(24):
        for month in range(1, 4):
            for label, (item, unit, middle) in KINDS.items():
                if draw.random() < 0.85 or label == "Sodium":
                    value = f"{middle * draw.normal(1, 0.08):.1f}"
                    flag = "abnormal" if float(value) > middle * 1.08 else None
                    at = f"2150-0{month}-{1 + p:02d} 07:00:00"
                    rows.append((len(rows) + 1, 10_000_001 + p, 20_000_001 + p, item, at, label, value, unit, flag))
    names = ["labevent_id", "subject_id", "hadm_id", "itemid", "charttime", "label", "valuenum", "valueuom", "flag"]
    return pl.DataFrame(rows, names, orient="row").cast(pl.String)


def test_laboratory_events_are_of_persons_and_no_real_number_of_anything_is_made(brought):
    frame = labevents()
    file = brought(frame)
    assert file.schema.identifier.name == "subject_id" and file.schema.time.name == "charttime"
    assert len(file.table) == 24 and file.table.frame.height == 72
    assert [column.name for column in file.schema.varying if column.kind == "real"] == list(KINDS)
    assert file.back.drop("labevent_id").equals(frame.drop("labevent_id"))
    made = file.made()
    assert made.columns == frame.columns and made["subject_id"].n_unique() == 20
    for name in ("subject_id", "hadm_id"):
        assert not set(made[name]) & set(frame[name]), name
        assert made[name].drop_nulls().str.contains(r"^\d{8}$").all(), name
    for item, label, unit in made.select("itemid", "label", "valueuom").unique().iter_rows():
        assert KINDS[label][:2] == (int(item), unit)
    assert made["valuenum"].str.contains(r"^\d+\.\d$").all() and made["labevent_id"].is_unique().all()
    assert set(made["flag"]) <= {None, "abnormal"}


def test_every_given_row_of_tests_stands_in_a_completed_file(brought, tmp_path):
    frame = labevents()
    file = brought(frame)
    given = frame.with_columns(pl.when(pl.int_range(pl.len()) % 11 == 3).then(None).otherwise("valuenum").alias("valuenum"))
    given.write_csv(tmp_path / "given.csv")
    done = export.complete(file.model, tmp_path / "given.csv", settings={"steps": 2})
    done.write(tmp_path / "whole.csv")
    whole = pl.read_csv(tmp_path / "whole.csv", infer_schema=False)
    known = given.filter(pl.col("valuenum").is_not_null())
    here = known.select("labevent_id").join(whole, on="labevent_id", how="left", maintain_order="left")
    assert here.equals(known) and whole["valuenum"].null_count() == 0
    assert whole.height == 72 * len(KINDS) and whole["labevent_id"].is_unique().all()


def adam() -> pl.DataFrame:
    """A basic data structure of a trial: parameters at visits that have a name, a number and a day."""
    rows = []
    for p in range(24):
        arm, site = ("Placebo", "Xanomeline Low Dose", "Xanomeline High Dose")[p % 3], ("701", "702")[p % 2]
        for visit, number in {"Baseline": 0, "Week 4": 4, "Week 8": 8}.items():
            day = 7 * number + int(draw.integers(-3, 4)) if number else -1
            for code in ("ALT", "AST"):
                who = ("CDISCPILOT01", f"01-{site}-{1001 + p}", f"{1001 + p}", site, arm)
                rows.append((*who, code, visit, number, day, int(draw.integers(8, 40)), draw.choice(["Y", None])))
    names = ["STUDYID", "USUBJID", "SUBJID", "SITEID", "TRTA", "PARAMCD", "AVISIT", "AVISITN", "ADY", "AVAL", "ANL01FL"]
    return pl.DataFrame([[None if c is None else str(c) for c in row] for row in rows], names, orient="row")


def test_an_analysis_data_set_of_a_trial_is_pivoted_and_written_long(brought):
    frame = adam()
    file = brought(frame)
    assert file.schema.identifier.name == "USUBJID" and len(file.table) == 24 and file.table.frame.height == 72
    assert file.back.equals(frame)
    made = file.made()
    assert (
        made.columns == frame.columns and set(made["PARAMCD"]) == {"ALT", "AST"} and set(made["STUDYID"]) == {"CDISCPILOT01"}
    )
    assert not set(made["USUBJID"]) & set(frame["USUBJID"]) and made["USUBJID"].str.contains(r"^01-\d+-\d+$").all()
    assert (
        set(made["TRTA"]) <= set(frame["TRTA"])
        and made.group_by("USUBJID").agg(pl.col("TRTA").n_unique())["TRTA"].max() == 1
    )
    assert set(made["AVISIT"]) <= set(frame["AVISIT"]) and set(made["ANL01FL"]) <= {"Y", None}
    assert made["AVAL"].str.contains(r"^\d+$").all()
    assert made.select(pl.struct("USUBJID", "ADY", "PARAMCD").is_unique().all()).item()


def trial(column: str, names: list[str], **more) -> pl.DataFrame:
    rows = [(f"{p + 1}", name) for p in range(30) for name in names[: 4 - (p % 3 == 2)]]
    frame = pl.DataFrame(rows, ["id", column], orient="row").with_columns(
        lab=pl.Series([f"{x:.1f}" for x in draw.normal(9, 1, len(rows))]), **more
    )
    return frame


@pytest.mark.parametrize(
    ("column", "names"),
    [
        ("visit", ["Screening", "Baseline", "Week 4", "Week 8"]),
        ("redcap_event_name", ["baseline_arm_1", "month_3_arm_1", "month_6_arm_1", "month_12_arm_1"]),
        ("VISIT", ["SCREENING 1", "BASELINE", "WEEK 2", "WEEK 26"]),
        ("timepoint", ["T0", "T1", "T2", "T3"]),
    ],
)
def test_visits_by_name_are_made_by_their_names_and_in_their_order(brought, holes, column, names):
    frame = trial(column, names)
    file = brought(frame)
    assert file.schema.time.name == column and file.back.equals(frame) and "order of their names" in file.notes
    made = file.made()
    assert set(made[column]) <= set(names)
    for _, rows in made.group_by("id"):
        places = [names.index(name) for name in rows[column]]
        assert places == sorted(set(places))
    assert file.completed(holes(frame, "lab"))[column].equals(frame[column])


def test_one_row_each_is_made_one_row_each(brought, holes):
    """As a biobank exports it: names with dots, a second assessment that some have, no time."""
    n = 80
    second = draw.random(n) < 0.5
    frame = pl.DataFrame(
        {
            "f.eid": [f"{1_000_000 + k}" for k in range(n)],
            "f.31.0.0": draw.choice(["0", "1"], n),
            "f.21003.0.0": draw.integers(40, 70, n).astype(str),
            "f.21003.1.0": [f"{k}" if s else None for k, s in zip(draw.integers(44, 75, n), second, strict=True)],
            "f.21001.0.0": [f"{x:.4f}" for x in draw.normal(27, 3, n)],
            "f.53.0.0": [f"20{8 + k % 3:02d}-0{1 + k % 9}-{1 + k % 28:02d}" for k in range(n)],
        }
    )
    file = brought(frame)
    assert file.schema.timeless and len(file.schema.static) == 5 and file.back.equals(frame)
    made = file.made(50)
    assert made.columns == frame.columns and made.height == 50
    assert made["f.eid"].is_unique().all() and not set(made["f.eid"]) & set(frame["f.eid"])
    assert set(made["f.31.0.0"]) <= {"0", "1"} and made["f.21001.0.0"].str.contains(r"^\d+\.\d{4}$").all()
    assert made["f.53.0.0"].str.to_date("%Y-%m-%d").null_count() == 0
    whole = file.completed(holes(frame, "f.31.0.0", "f.21003.0.0"))
    assert set(whole["f.31.0.0"]) == {"0", "1"} and whole["f.21003.0.0"].null_count() == 0
