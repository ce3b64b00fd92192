"""`reverie data`: what a table is taken to be, as a table to read, as JSON, and as a schema to edit."""

import gzip
import json

import polars as pl
import pytest
import yaml
from typer.testing import CliRunner

from reverie.cli.console import WIDTH
from reverie.cli.data import app
from reverie.errors import DataError, ReverieError, UsageError
from reverie.records.cohort import simulate_art4hiv
from reverie.records.schema import Column, Schema
from reverie.records.table import read_table
from reverie.sources import TableSource


def run(*arguments):
    """What the command wrote to stdout and stderr; a ReverieError is raised as it reaches main()."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="reverie data")
    if isinstance(result.exception, ReverieError):
        raise result.exception
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_every_column_is_shown_with_its_reason_and_fits_the_width():
    shown = run("pbc2").stdout
    assert "312 patients, 1,945 visits; per patient 1 to 16, median 5" in shown
    lines = shown.splitlines()
    for column in read_table("pbc2").schema.columns:
        line = next(line for line in lines if line.startswith(f"{column.name} "))
        assert column.role in line and column.kind in line and column.why.split()[0] in line
    assert max(map(len, lines)) <= WIDTH
    assert all(text in shown for text in ("42.2 %", "0.1 .. 41.0 (≥ 0)", "1/365.24", "1 < 2 < 3 < 4", "No, Yes", "2.8"))
    assert "learned: 18 columns, 6 static and 12 varying" in shown and "27 of 312 patients have one visit" in shown


def test_json_holds_all_that_is_known():
    reply = json.loads(run("pbc2", "--json").stdout)
    table = read_table("pbc2")
    assert (reply["patients"], reply["rows"], reply["fingerprint"]) == (312, 1945, table.fingerprint)
    assert reply["visits_per_patient"] == {"min": 1, "median": 5.0, "max": 16}
    fields = [{what: told[what] for what in Column.model_fields} for told in reply["columns"]]
    assert Schema.model_validate({"columns": fields}).columns == table.schema.columns
    assert next(told["range"] for told in reply["columns"] if told["name"] == "albumin") == "1.17 .. 8.01 (≥ 0)"
    assert reply["notes"] == list(table.notes)


def test_a_file_may_stand_before_or_behind_the_options(tmp_path):
    path = tmp_path / "describe.csv"
    read_table("pbc2").frame.write_csv(path)
    assert run(path, "--id", "id").stdout == run("--id", "id", path).stdout == run("describe", path, "--id", "id").stdout
    assert "FILE | FOLDER | COMMAND" in run("--help").stdout


def test_the_schema_written_can_be_edited_and_read_back(tmp_path):
    path = tmp_path / "schema.yaml"
    result = run("pbc2", "--schema", path)
    assert "schema:" in result.stderr and "schema:" not in result.stdout
    text = path.read_text()
    for word in ("role", "kind", "levels", "unit", "lower", "null_values", "duplicates"):
        assert any(line.startswith("#") and word in line for line in text.splitlines())
    assert Schema.from_yaml(text, "schema.yaml") == read_table("pbc2").schema
    tree = yaml.safe_load(text)
    edema = next(c for c in tree["columns"] if c["name"] == "edema")
    edema |= {"kind": "ordinal", "levels": ["No edema", "edema no diuretics", "edema despite diuretics"]}
    path.write_text(yaml.safe_dump(tree))
    columns = json.loads(run("pbc2", "--using", path, "--json").stdout)["columns"]
    assert next(c for c in columns if c["name"] == "edema")["levels"] == edema["levels"]


def test_nothing_is_overwritten_unless_allowed(tmp_path):
    for arguments, name in ((("pbc2", "--schema"), "s.yaml"), (("simulate", "art4hiv", "--patients", 3, "--out"), "a.csv")):
        path = tmp_path / name
        path.write_text("mine")
        with pytest.raises(UsageError, match="--force"):
            run(*arguments, path)
        assert path.read_text() == "mine"
        run(*arguments, path, "--force")
        assert path.read_text() != "mine"


def test_the_user_can_say_what_was_not_seen(tmp_path):
    path = tmp_path / "a.csv"
    rows = [f"{k // 5},{k % 5},{k + 0.5 if k != 11 else 'lost'},{k % 7}" for k in range(100)]
    path.write_text("\n".join(["who,at,lab,code", *rows, "0,0,7.5,1"]))
    arguments = (
        path,
        "--id",
        "who",
        "--time",
        "at",
        "--null",
        "lost",
        "--duplicates",
        "first",
        "--kind",
        "code=categorical",
    )
    reply = json.loads(run(*arguments, "--json").stdout)
    assert (reply["patients"], reply["rows"], reply["duplicates"]) == (20, 100, "first")
    assert {c["name"]: c["kind"] for c in reply["columns"]} == {
        "who": "number", "at": "integer", "lab": "real", "code": "categorical",
    }  # fmt: skip
    for wrong, words in (
        (("--kind", "code"), "COLUMN=KIND"),
        (("--duplicates", "drop"), "refuse, keep, first, last or mean"),
    ):
        with pytest.raises(UsageError, match=words):
            run(path, *wrong)


def test_a_schema_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"no file .*x\.yaml: write a schema"):
        run("pbc2", "--using", tmp_path / "x.yaml")
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="no text in UTF-8"):
        run("pbc2", "--using", tmp_path / "x.yaml")
    with pytest.raises(UsageError, match="no text in UTF-8"):
        TableSource.read("pbc2", tmp_path / "x.yaml")  # as training does


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.parquet"])
def test_a_simulated_cohort_is_written_by_its_suffix_and_its_seed(name, tmp_path):
    for folder in ("one", "two"):
        result = run("simulate", "art4hiv", "--patients", 30, "--months", 12, "--seed", 4, "--out", tmp_path / folder / name)
        assert "30 simulated patients x 12 months = 360 rows" in result.stdout.replace("\n", "")
    one, two = ((tmp_path / folder / name).read_bytes() for folder in ("one", "two"))
    assert one == two
    expected = simulate_art4hiv(30, 12, 4)
    assert read_table(tmp_path / "one" / name).frame.equals(expected)
    if name.endswith(".gz"):
        assert gzip.decompress(one).decode() == expected.write_csv()


def test_what_cannot_be_simulated_is_refused(tmp_path):
    with pytest.raises(UsageError, match="Known: art4hiv"):
        run("simulate", "sepsis", "--out", tmp_path / "a.csv")
    with pytest.raises(UsageError, match=r"\.csv, \.csv\.gz or \.parquet"):
        run("simulate", "art4hiv", "--out", tmp_path / "a.xlsx")
    reply = json.loads(run("simulate", "art4hiv", "--patients", 2, "--out", tmp_path / "a.csv", "--json").stdout)
    assert (reply["rows"], reply["seed"]) == (120, 0) and pl.read_csv(tmp_path / "a.csv").height == 120


def test_of_a_folder_with_a_bad_file_that_file_is_named(tmp_path):
    (tmp_path / "patients.csv").write_text("patient_id,sex\nA,f\nB,m\n")
    (tmp_path / "stays.csv").write_text("stay_id,patient_id,ward\n1,A,x\n2,B\n")
    with pytest.raises(DataError, match=r"stays\.csv, data row 2, column 'ward': the row ends here, it has 2 cells"):
        run(tmp_path)
