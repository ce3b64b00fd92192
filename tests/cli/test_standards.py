"""`reverie data convert`, and `reverie data` of what a standard keeps."""

import json

import pytest
from typer.testing import CliRunner

from reverie.cli.data import app
from reverie.errors import ReverieError, UsageError


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="reverie data")
    if isinstance(result.exception, ReverieError):
        raise result.exception
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.stdout


@pytest.fixture
def ward(tmp_path):
    """A patient with one stay, as NDJSON."""
    stay = {"period": {"start": "2026-01-01T08:00:00Z", "end": "2026-01-03T12:00:00Z"}, "class": {"code": "IMP"}}
    rows = [
        {"resourceType": "Patient", "id": "a", "gender": "female", "name": [{"family": "Doe"}]},
        {"resourceType": "Encounter", "id": "e", "status": "finished", "subject": {"reference": "Patient/a"}, **stay},
    ]
    (tmp_path / "ward.ndjson").write_text("\n".join(map(json.dumps, rows)))
    return tmp_path / "ward.ndjson"


def test_what_a_standard_keeps_is_shown_as_it_states_it(ward):
    shown = run(ward)
    assert "ward.ndjson: 1 patient, 1 row of events in 3 tables" in shown
    assert "note: It was read as FHIR R4" in shown and "note: Patient: left alone were name (1)." in shown
    schema = ward.with_name("ward.yaml")
    first = json.loads(run("tables", ward, "--schema", schema, "--json"))
    again = json.loads(run("tables", ward, "--using", schema, "--json"))  # what it states can be edited
    assert first["standard"] == "fhir" and again["tables"] == first["tables"]


def test_tables_are_converted_there_and_back(ward, tmp_path):
    pytest.importorskip("fhir.resources")
    folder, again = tmp_path / "tables", tmp_path / "again.json"
    shown = run("convert", ward, "--to", "csv", "--out", folder)
    assert "1 patient in 3 files" in shown and "note: Patient: left alone were name (1)." in shown
    reply = json.loads(run("convert", folder, "--to", "fhir", "--out", again, "--json"))
    assert reply["rows"] == {"patients": 1, "encounters": 1} and reply["checked"].startswith("2 resources held to")
    assert [entry["resource"]["id"] for entry in json.loads(again.read_text())["entry"]] == ["a", "e"]
    with pytest.raises(UsageError, match=r"again.json exists already: choose another name, or allow to overwrite"):
        run("convert", folder, "--to", "fhir", "--out", again)
    run("convert", folder, "--to", "fhir", "--out", again, "--force")
    with pytest.raises(UsageError, match=r"tables holds .*, which was not made by this command: choose another name"):
        run("convert", ward, "--to", "parquet", "--out", folder, "--force")


def test_one_standard_is_written_as_another(ward, tmp_path):
    pytest.importorskip("meds")
    born = ward.read_text().replace('"gender"', '"birthDate": "1960-05-01", "gender"')
    ward.write_text(born)
    shown = run("convert", ward, "--to", "omop", "--out", tmp_path / "omop")
    assert "visit_occurrence" in shown and "note: The keys of persons are no whole numbers, and were numbered" in shown
    reply = json.loads(run("convert", tmp_path / "omop", "--to", "meds", "--out", tmp_path / "meds", "--json"))
    assert reply["standard"] == "omop" and reply["rows"]["stays"] == 1 and "schemas of meds" in reply["checked"]
    assert "1 patient" in run("tables", tmp_path / "meds")


def test_what_cannot_be_converted_is_refused(ward, tmp_path):
    out = ("--out", tmp_path / "out")
    with pytest.raises(UsageError, match=r"no patient has a date of birth, without which OMOP CDM v5.4 knows no person"):
        run("convert", ward, "--to", "omop", *out)
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "people.csv").write_text("person_id,sex\n1,F\n2,M\n")
    (plain / "drugs.csv").write_text("person_id,day,drug\n1,2,a\n2,3,b\n")
    with pytest.raises(UsageError, match=r"plain cannot be written as FHIR R4: .* nothing tells what its tables would be"):
        run("convert", plain, "--to", "fhir", *out)
    with pytest.raises(UsageError, match=r"there is no folder and no file pbc2"):
        run("convert", "pbc2", "--to", "csv", *out)
    (tmp_path / "one.csv").write_text("id,day\n1,2\n")
    with pytest.raises(UsageError, match=r"one.csv is one table: give several that are tied by keys"):
        run("convert", tmp_path / "one.csv", "--to", "csv", *out)
    assert not (tmp_path / "out").exists()
