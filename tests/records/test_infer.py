"""What a table is taken to be, without being told, and why."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from reverie.errors import DataError, UsageError
from reverie.records.codec import RecordCodec
from reverie.records.column_names import words
from reverie.records.precision import precision
from reverie.records.table import read_table

draw = np.random.default_rng(0)


def cohort(**columns):
    """40 patients of 5 visits at irregular times, with the columns given, of 200 rows each."""
    time = np.cumsum(draw.integers(1, 9, (40, 5)), 1).reshape(-1)
    return pl.DataFrame({"id": np.repeat(np.arange(40), 5), "time": time, "x": draw.normal(size=200).round(2), **columns})


def infer(frame, **options):
    return read_table(frame, **options).schema


def column(values, name="c"):
    return infer(cohort(**{name: values}))[name]


@pytest.fixture(scope="module")
def pbc2():
    return read_table("pbc2").schema


def test_pbc2_is_understood(pbc2):
    assert (pbc2.identifier.name, pbc2.time.name) == ("id", "year")
    assert [c.name for c in pbc2.static] == ["years", "status", "drug", "age", "sex", "status2"]
    assert pbc2["sno."].kind == "number"
    assert [pbc2[c].kind for c in ("serBilir", "serChol", "histologic", "edema", "sex")] == [
        "real", "integer", "ordinal", "categorical", "binary",
    ]  # fmt: skip
    assert pbc2["serChol"].type == "Float64" and pbc2["serChol"].missing == pytest.approx(821 / 1945, abs=1e-6)
    for days in ("year", "years", "age"):
        assert pbc2[days].unit == pytest.approx(1 / 365.24) and pbc2[days].decimals is None
    assert (pbc2["serBilir"].unit, pbc2["albumin"].decimals) == (0.1, 2)
    assert all(c.lower == 0 and c.upper is None for c in pbc2.varying if c.numeric)
    assert pbc2["serBilir"].skew == pytest.approx(2.817, abs=0.01)
    assert all(c.why for c in pbc2.columns)


def test_an_icu_table_is_understood():
    path = Path(__file__).parents[3] / "shared" / "data" / "icu_hourly.csv"
    if not path.exists():
        pytest.skip("the ICU table may not ship with the package, and is not beside this checkout")
    table = read_table(path)
    schema = table.schema
    assert (schema.identifier.name, schema.time.name, len(table)) == ("hospitalization_id", "hour", 134)
    assert (schema["patient_id"].role, schema["patient_id"].kind) == ("static", "number")
    assert [c.name for c in schema.static] == [
        "age_at_admission", "admission_type_category", "discharge_category", "sex_category", "race_category",
    ]  # fmt: skip
    assert (schema["spo2"].upper, schema["gcs_total"].upper, schema["fio2"].upper) == (100, 15, 1)
    assert schema["lactate"].missing > 0.9 and schema["lactate"].upper is None


def test_the_awkward_table_is_understood(awkward):
    table = read_table(awkward)
    kinds = {c.name: (c.role, c.kind) for c in table.schema.columns}
    assert kinds == {
        "accession": ("varying", "number"),
        "subject_id": ("identifier", "number"),
        "charttime": ("time", "datetime"),
        "birthdate": ("static", "date"),
        "registry_number": ("static", "number"),
        "sex": ("static", "binary"),
        "age": ("static", "integer"),
        "study": ("static", "constant"),
        "biopsy": ("varying", "empty"),
        "site": ("varying", "categorical"),
        "comment": ("varying", "text"),
        "grade": ("varying", "categorical"),
        "biomarker": ("varying", "real"),
        "drinks": ("varying", "integer"),
        "smoker": ("varying", "binary"),
        "stage": ("varying", "ordinal"),
        "platelets": ("varying", "integer"),
        "saturation": ("varying", "integer"),
        "balance": ("varying", "real"),
        "counter_ns": ("varying", "integer"),
        "flag": ("varying", "categorical"),
    }
    schema = table.schema
    assert schema.time.unit == 60 and schema["platelets"].type == "Float64" and schema["smoker"].levels == ("false", "true")
    assert schema["saturation"].upper == 100 and schema["biomarker"].upper is None and schema["balance"].lower is None
    assert schema["study"].value == "phase two" and schema["sex"].missing == pytest.approx(3 / 60)
    assert len(schema["site"].levels) > 40 and "outreach 10" in schema["site"].levels and not schema["site"].pooled
    assert any("5 rows were identical" in note for note in table.notes) and any("sorted" in note for note in table.notes)
    assert any("6 of 60 patients have one visit" in note for note in table.notes)


def test_the_awkward_table_reads_alike_from_csv_and_by_its_own_schema(awkward, tmp_path):
    table = read_table(awkward)
    awkward.write_csv(tmp_path / "a.csv")
    read = read_table(tmp_path / "a.csv")
    assert read.frame.drop("smoker").equals(table.frame.drop("smoker"))
    assert read.frame["smoker"].dtype == pl.String and read.schema["smoker"].levels == ("false", "true")
    again = read_table(tmp_path / "a.csv", table.schema)
    assert again.fingerprint == table.fingerprint and again.schema == table.schema


@pytest.mark.parametrize(
    ("names", "identifier", "time"),
    [
        (("patient_id", "date"), "patient_id", "date"),
        (("SubjectID", "Visit"), "SubjectID", "Visit"),
        (("hospitalization_id", "hour"), "hospitalization_id", "hour"),
        (("PatientID", "Timestep"), "PatientID", "Timestep"),
        (("pid", "month"), "pid", "month"),
        (("stay", "t"), "stay", "t"),
        (("mrn", "charttime"), "mrn", "charttime"),
        (("USUBJID", "visit"), "USUBJID", "visit"),
        (("PATIENT_NUM", "START_DATE"), "PATIENT_NUM", "START_DATE"),
        (("patientunitstayid", "hour"), "patientunitstayid", "hour"),
        (("encounter", "hour"), "encounter", "hour"),
        (("mouse_id", "day"), "mouse_id", "day"),
    ],
)
def test_names_tell_identifier_and_time(names, identifier, time):
    schema = infer(cohort().rename({"id": names[0], "time": names[1]}))
    assert (schema.identifier.name, schema.time.name) == (identifier, time)


def test_structure_decides_between_names():
    frame = cohort(person=np.repeat(np.arange(20), 10), day=np.repeat([1, 2, 3, 4], 50))
    schema = infer(frame.rename({"id": "stay_id", "person": "patient_id"}))
    assert (schema.identifier.name, schema.time.name) == ("stay_id", "time")  # (patient_id, time) is not unique
    both = infer(cohort(patient=np.repeat(np.arange(40), 5)).rename({"id": "stay_id"}))
    assert both.identifier.name == "patient"  # both fit: a person before a stay
    assert infer(cohort(record_id=np.arange(200))).identifier.name == "id"  # another one in each row is no patient


def test_a_person_is_the_patient_whatever_else_has_an_id():
    others = {"measurement_id": np.arange(200) + 1, "itemid": np.arange(200) % 4, "SITEID": np.repeat([1, 2], 100)}
    for names in (others, {k: [f"Z{v}" for v in values] for k, values in others.items()}):
        schema = infer(cohort(**names).rename({"id": "person_id"}).select(*others, "time", "x", "person_id"))
        assert schema.identifier.name == "person_id" and schema["measurement_id"].kind == "number"
    for name in ("measurement_id", "itemid", "test_id"):
        with pytest.raises(UsageError, match=r"no column looks like an identifier.*`id`"):
            infer(cohort().rename({"id": name}))


def test_whose_or_which_it_was_is_never_learned():
    person = np.repeat(np.arange(40) + 1000, 5)
    stays = np.repeat(np.arange(8) + 500, 25)
    told = {
        "person_id": person,
        "MRN": [f"Z{p}" for p in person],
        "ENCOUNTER_NUM": stays,
        "visit_occurrence_id": stays * 1.0,
    }
    schema = infer(cohort(**told, provider_id=stays % 3, site_id=stays % 3), identifier="id")
    assert [schema[c].kind for c in (*told, "provider_id")] == ["number"] * 5
    assert schema["site_id"].kind == "categorical"  # says where, not who
    one = pl.DataFrame({"stay_id": [1, 1, 2, 2], "patient": [7] * 4, "hour": [0, 1, 0, 1], "x": [1.5, 2.0, 4.0, 3.25]})
    assert infer(one)["patient"].kind == "number"
    assert infer(cohort(age_at_admission=person % 7, covid=person % 2), identifier="id")["covid"].kind == "binary"
    assert infer(cohort(provider_id=stays), identifier="id", kinds={"provider_id": "categorical"})["provider_id"].levels


def test_what_cannot_be_decided_names_the_candidates_and_the_remedy():
    with pytest.raises(UsageError, match=r"no column looks like an identifier.*'who'.*`id`"):
        infer(cohort().rename({"id": "who"}))
    with pytest.raises(UsageError, match=r"no column looks like the time.*'at'.*`time`"):
        infer(cohort().rename({"time": "at"}))
    with pytest.raises(UsageError, match=r"time could be 'hour' or 'day'.*`time`"):
        infer(cohort(day=np.tile(np.arange(5), 40)).rename({"time": "hour"}))
    with pytest.raises(UsageError, match=r"identifier could be 'patient' or 'subject'.*`id`"):
        infer(cohort(subject=np.repeat(np.arange(40), 5) + 7).rename({"id": "patient"}))
    schema = infer(cohort().rename({"id": "who", "time": "at"}), identifier="who", time="at")
    assert (schema.identifier.name, schema.time.name, schema.identifier.why) == ("who", "at", "as you said")
    with pytest.raises(UsageError, match=r"`id` 'whom': did you mean 'who'"):
        infer(cohort().rename({"id": "who"}), identifier="whom")
    with pytest.raises(UsageError, match="two columns"):
        infer(cohort(), identifier="id", time="id")


def test_names_are_split_into_words():
    assert words("PatientID") == ["patient", "id"] and words("admission_type.category") == ["admission", "type", "category"]
    assert words("VLTest2Day") == ["vl", "test2", "day"] and words("") == []


def test_a_column_is_static_only_where_patients_come_back():
    once = pl.DataFrame({"id": range(30), "time": range(30), "x": draw.normal(size=30)})
    assert infer(once)["x"].role == "varying"
    assert column(np.repeat(draw.normal(size=40), 5)).role == "static"
    seldom = [1.5 + p if v == 0 else None for p in range(40) for v in range(5)]
    assert column(seldom).role == "varying"  # measured once, not the same at every visit


def test_codes_are_ordinal_unless_their_name_says_otherwise():
    codes = draw.integers(1, 5, 200)
    assert (column(codes).kind, column(codes).levels) == ("ordinal", ("1", "2", "3", "4"))
    assert column(codes.astype(float)).levels == ("1.0", "2.0", "3.0", "4.0")
    assert column(codes, "drug_class").kind == "categorical"
    assert column(draw.integers(0, 40, 200)).kind == "integer"
    assert column(draw.choice([0.0, 0.5, 1.0], 200)).kind == "ordinal"
    assert column(draw.choice(["mild", "severe", "moderate"], 200)).kind == "categorical"


def test_two_values_are_binary_the_negative_first():
    assert column(draw.integers(0, 2, 200)).levels == ("0", "1")
    assert column(["yes", "no"] * 100).levels == ("no", "yes")
    assert column(["D-penicil", "placebo"] * 100).levels == ("placebo", "D-penicil")
    assert column([True, False] * 100).levels == ("false", "true")
    assert column([1.0, 0.0] * 100, "c (M)").why == "1 where c was measured"


def test_text_is_levels_ids_or_text():
    assert column([f"L{k}" for k in draw.integers(0, 50, 200)]).kind == "categorical"
    assert column([f"row-{k}" for k in range(200)]).kind == "number"
    assert column([f"P{k // 5}" for k in range(200)]).kind == "number"
    assert column([f"the patient said {k} things" for k in range(200)]).kind == "text"
    many = column([f"v{k}" for k in draw.permutation(np.arange(200) % 100)])
    assert many.kind == "categorical" and len(many.levels) == 100 and "groups" in many.why
    zip_codes = column([f"0{k:04d}" for k in draw.integers(0, 9, 200)])
    assert (zip_codes.kind, zip_codes.type) == ("categorical", "String")  # 00007 is not 7


def test_numbers_and_text_in_one_column_are_levels_or_a_fault():
    few = column(["1", "2", "3", "unsure"] * 50)
    assert few.kind == "categorical" and few.levels == ("1", "2", "3", "unsure") and "150 and 50" in few.why
    many = [str(k) if k != 77 else "broken" for k in range(200)]
    with pytest.raises(DataError, match=r"data row 78, column 'c': 'broken' is text among 199 numbers and 1 text:"):
        column(many)
    assert infer(cohort(c=many), null_values=("broken",))["c"].kind == "number"
    assert infer(cohort(c=many), kinds={"c": "categorical"})["c"].kind == "categorical"
    with pytest.raises(UsageError, match="`kinds=c=real`"):
        infer(cohort(c=many), kinds={"c": "real"})
    with pytest.raises(UsageError, match="did you mean 'time'"):
        infer(cohort(), kinds={"tme": "text"})


@pytest.mark.parametrize(
    ("values", "unit", "decimals"),
    [
        (np.arange(50) * 0.1, 0.1, 1),
        (np.arange(50) * 0.25, 0.25, 2),
        (np.arange(50) * 5.0, 5.0, 0),
        (np.round(np.linspace(0, 97_566, 50), 3), 0.001, 3),
        (np.array([0.5, 1.0]), 0.1, 1),  # too few to speak of halves
        (np.arange(50) / 365.25, 1 / 365.25, None),
        (np.arange(50) / 24, 1 / 24, None),
        (np.sqrt(np.arange(2, 52)), None, None),
        (np.sqrt(np.arange(2, 52)) * 1e12, None, None),
        (np.arange(50) * 0.1 + 1e6, 0.1, 1),
    ],
)
def test_the_unit_of_rounding_is_found(values, unit, decimals):
    found = precision(pl.Series(values))
    assert (found.unit, found.decimals) == (pytest.approx(unit) if unit else None, decimals)


def test_single_precision_is_rounded_as_it_was_written():
    assert precision(pl.Series(np.arange(50) * 0.1, dtype=pl.Float32)).unit == pytest.approx(0.1)


def test_a_bound_is_where_values_pile_up():
    normal = draw.normal(5, 2, 2000)
    assert (precision(pl.Series(normal - 20)).lower, precision(pl.Series(normal)).upper) == (None, None)
    assert precision(pl.Series(np.abs(normal))).lower == 0
    assert precision(pl.Series(normal.clip(None, 7))).upper == 7
    assert precision(pl.Series(normal.clip(3, None))).lower == 3
    assert precision(pl.Series(normal.clip(-1, 11))).upper is None or (normal > 11).mean() >= 0.01
    assert precision(pl.Series(draw.poisson(4, 2000))).upper is None  # a thin end of whole numbers is a tail


def test_skew_is_the_third_standardised_moment():
    x = draw.gamma(2.0, size=5000)
    assert precision(pl.Series(x)).skew == pytest.approx(np.mean((x - x.mean()) ** 3) / x.std() ** 3, abs=1e-3)
    assert precision(pl.Series([1.0, 2.0])).skew is None


def test_one_value_or_empty_is_no_hole():
    flags = column(["X", None] * 100)
    assert (flags.role, flags.kind, flags.levels) == ("varying", "categorical", ("X",))


def test_no_magnitude_is_too_large_or_too_small():
    x = draw.normal(size=200)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for scale in (1e-300, 1e-12, 1e12, 1e300):
            found = column(x * scale)
            assert (found.kind, found.unit, found.upper) == ("real", None, None)
            assert found.skew == column(x).skew
    assert column(2**62 + draw.integers(0, 2**40, 200)).unit == 1


def test_what_is_made_anew_is_empty_as_often_as_it_was():
    rows = range(4000)
    barcode = [None if i % 10 < 3 else f"S{i:06d}" for i in rows]
    phone = [None if i // 4 % 5 == 0 else f"0{700_000_000 + 7919 * (i // 4)}" for i in rows]
    frame = pl.DataFrame({"id": [i // 4 for i in rows], "day": [i % 4 for i in rows], "barcode": barcode, "phone": phone})
    table = read_table(frame.with_columns(score=pl.Series([i % 7 for i in rows])))
    codec = RecordCodec.fit(table)
    made = codec.decode(codec.encode(table).records(range(1000), None)).frame
    for column, share, of in (("barcode", 0.3, 4000), ("phone", 0.2, 1000)):
        assert not table.schema[column].modelled and not set(made[column].drop_nulls()) & set(frame[column])
        assert abs(made[column].null_count() / 4000 - share) < 4 * (share * (1 - share) / of) ** 0.5
    assert (made.group_by("id").agg(pl.col("phone").n_unique())["phone"] == 1).all() and not made["id"].null_count()


def test_a_column_without_a_name_keeps_none():
    frame = pl.DataFrame({"id": [i // 2 for i in range(80)], "day": [0, 7] * 40, "": ["a", "b", "c", "a"] * 20})
    codec = RecordCodec.fit(table := read_table(frame))
    assert codec.decode(codec.encode(table).records(range(40), None)).frame.columns == frame.columns
