"""What holds of every standard: the library that checks it is asked for, parts are written one by one, places are told."""

import sys
import weakref

import polars as pl
import pytest

from reverie.errors import UsageError
from reverie.records.linked import is_linked, read_linked
from reverie.records.linked.standards import STANDARDS, parts_of, standard_at, write_tables


class Part(dict):
    """A mapping that can be watched."""


@pytest.mark.parametrize(
    ("name", "key", "cells", "out"),
    [
        ("meds", "subject_id", {"birth": pl.lit(None, pl.Datetime("us")), "SEX": pl.lit("F")}, "out"),
        ("omop", "person_id", {"year_of_birth": 1960}, "out"),
        ("omop", "person_id", {"year_of_birth": 1960}, "out.sqlite"),
        ("fhir", "patient_id", {"gender": pl.lit("male")}, "out"),
        ("fhir", "patient_id", {"gender": pl.lit("male")}, "out.json"),
        ("csv", "patient_id", {"gender": pl.lit("male")}, "out"),
        ("parquet", "patient_id", {"gender": pl.lit("male")}, "out"),
    ],
)
def test_parts_are_written_and_forgotten_one_by_one(name, key, cells, out, tmp_path):
    for library in {"meds": ["meds"], "fhir": ["fhir.resources"]}.get(name, []):
        pytest.importorskip(library)
    table = STANDARDS[name].tables[0].name if name in STANDARDS else "patients"
    concepts = {c: 0 for c in ("gender_concept_id", "race_concept_id", "ethnicity_concept_id") if name == "omop"}
    living: list[weakref.ref] = []

    def parts():
        for number in range(6):
            assert sum(part() is not None for part in living) <= 1  # that which was just written
            keys = pl.Series(key, [2 * number + 1, 2 * number + 2])
            keys = keys.cast(pl.String) if key == "patient_id" else keys
            part = Part({table: pl.DataFrame([keys]).with_columns(**cells, **concepts)})
            living.append(weakref.ref(part))
            yield part
            del part

    if name in STANDARDS:
        written = STANDARDS[name].write(parts(), tmp_path / out)
    else:
        written = write_tables(parts(), tmp_path / out, f".{name}")
    assert written.rows == {table: 12} and len(living) == 6


@pytest.mark.parametrize(("name", "module"), [("meds", "meds"), ("fhir", "fhir.resources.R4B")])
def test_the_library_that_checks_is_asked_for_before_anything_is_written(name, module, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=r"install what checks it: pip install 'reverie\[standards\]'"):
        STANDARDS[name].write(iter(()), tmp_path / "out")
    assert not any(tmp_path.iterdir())


def test_each_place_is_told_by_what_lies_there(meds, omop, resources, lines, bundle, tmp_path):
    fhir = (lines(resources), bundle(resources), tmp_path / "ndjson" / "Patient.ndjson")
    told = {place: standard_at(place) for place in (meds, omop, *fhir)}
    assert [standard.called for standard in told.values()] == ["meds", "omop", "fhir", "fhir", "fhir"]
    (tmp_path / "settings.json").write_text('{"resource": "none"}')
    (tmp_path / "photos").mkdir()
    plain = tmp_path / "plain"
    plain.mkdir()
    pl.DataFrame({"person_id": [1, 2], "sex": ["F", "M"]}).write_csv(plain / "person.csv")
    pl.DataFrame({"person_id": [1, 2], "drug": ["a", "b"]}).write_csv(plain / "drugs.csv")
    for place in (tmp_path / "settings.json", tmp_path / "photos", plain, tmp_path / "nothing", {"person": pl.DataFrame()}):
        assert standard_at(place) is None
    assert is_linked(plain) and not is_linked(tmp_path / "settings.json") and not is_linked(tmp_path / "photos")
    assert read_linked(plain).standard is None


def test_what_is_of_no_standard_is_not_written_as_one(resources, lines, omop, tmp_path):
    frames = read_linked(lines(resources)).frames
    columns = {name: frame.columns for name, frame in frames.items()}
    for name in ("omop", "meds"):
        with pytest.raises(
            UsageError, match=r"ward cannot be written as .*, and nothing tells what its tables would be there"
        ):
            STANDARDS[name].fits(columns, "ward")
    with pytest.raises(UsageError, match=r"it has person, .* not the tables patients, .*: write csv or parquet"):
        STANDARDS["fhir"].fits({n: f.columns for n, f in read_linked(omop).frames.items()}, "ward")


def test_plain_tables_keep_all_that_a_standard_says(resources, lines, tmp_path):
    pytest.importorskip("fhir.resources")
    tables = read_linked(lines(resources))
    write_tables(parts_of(tables, 1), tmp_path / "plain", ".csv")
    STANDARDS["fhir"].write(parts_of(read_linked(tmp_path / "plain"), 1), tmp_path / "again")
    again = read_linked(tmp_path / "again")
    for name, frame in tables.frames.items():
        assert again.frames[name].select(frame.columns).sort(frame.columns).equals(frame.sort(frame.columns)), name
