"""Tables over HTTP: described as on the command line; completed, with what was given unchanged and bands around the rest."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from reverie import export, load
from reverie.cli.data import app
from reverie.operations import imputing
from reverie.records import Schema, read_table


@pytest.fixture
def visits(trained):
    """visits.csv of the workspace: 12 patients."""
    frame = read_table("pbc2").take(range(12)).frame
    frame.write_csv(trained / "visits.csv")
    return frame


def test_a_description_is_that_of_the_command_line(client, visits, trained):
    for table in ("pbc2", "visits.csv"):
        found = client.post("/api/tables/describe", json={"table": table})
        path = table if table == "pbc2" else str(trained / table)
        assert found.json() == json.loads(CliRunner().invoke(app, [path, "--json"]).stdout)
    told = {
        "table": "visits.csv",
        "kinds": {"histologic": "categorical"},
        "null_values": ["Yes"],
        "id": "id",
        "time": "year",
    }
    columns = {column["name"]: column for column in client.post("/api/tables/describe", json=told).json()["columns"]}
    assert columns["histologic"]["kind"] == "categorical" and "Yes" not in columns["ascites"]["levels"]


def test_a_table_is_described_by_the_schema_that_was_edited(client, visits):
    found = client.post("/api/tables/describe", json={"table": "visits.csv"}).json()
    schema = read_table(visits).schema
    assert found["decisions"] == schema.tree and Schema.from_yaml(found["schema_text"], "visits") == schema
    edited = found["decisions"]
    for column in edited["columns"]:
        if column["name"] == "histologic":
            column |= {"kind": "categorical", "levels": ["4", "3", "2", "1"]}
        if column["name"] == "serBilir":
            column |= {"upper": 60.0, "unit": 0.5}
    edited["rules"] = ["serBilir < 59"]
    told = client.post("/api/tables/describe", json={"table": "visits.csv", "schema_text": json.dumps(edited)}).json()
    columns = {column["name"]: column for column in told["columns"]}
    assert columns["histologic"]["levels"] == ["4", "3", "2", "1"] and columns["histologic"]["kind"] == "categorical"
    assert (columns["serBilir"]["upper"], columns["serBilir"]["rounding"]) == (60.0, "0.5")
    assert told["rules"] == [{"rule": "serBilir < 59", "rows": len(visits), "patients": 12, "broken": []}]
    again = client.post("/api/tables/describe", json={"table": "visits.csv", "schema_text": told["schema_text"]}).json()
    assert again == told


@cache
def bundled() -> dict[str, Any]:
    return read_table("pbc2").schema.tree


def with_column(name: str, **fields) -> str:
    """The text of the bundled table's schema with other fields of one column."""
    tree = bundled()
    return json.dumps(tree | {"columns": [c | fields if c["name"] == name else c for c in tree["columns"]]})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (("age", {"lower": 40}), "column 'age': 38.106450553061 is below the schema's bound 40"),
        (("age", {"unit": "fine"}), "the schema: column age: unit: must be a valid number"),
        (("sex", {"kind": "colour"}), "the schema: column sex: unknown kind 'colour'"),
        ("columns: [", "the schema is not YAML"),
        ("[age]", "the schema is not a schema: it must be the object that reverie data writes, with its `columns`"),
        ("seed: 3", "the schema: columns: is needed"),
        ("a: &a [x]\nb: [*a, *a]", "it has an alias (*a)"),
        ("[" * 5000, "nested too deep"),
    ],
)
def test_a_schema_that_cannot_be_is_one_sentence_that_names_the_column(client, text, words):
    text = text if isinstance(text, str) else with_column(text[0], **text[1])
    reply = client.post("/api/tables/describe", json={"table": "pbc2", "schema_text": text})
    assert reply.status_code == 422 and words in reply.json()["detail"], reply.text


def test_what_only_the_owner_of_a_table_knows_is_asked_with_its_choices(client, visits, trained):
    visits.rename({"year": "at", "id": "who"}).write_csv(trained / "asked.csv")
    reply = client.post("/api/tables/describe", json={"table": "asked.csv", "id": "who"}).json()
    (asked,) = reply["errors"]
    assert asked["field"] == "time" and "at" in asked["choices"][:6]
    assert set(asked["choices"]) == {*visits.columns, "at"} - {"id", "year"}
    assert "--time" not in reply["detail"] and reply["detail"].endswith("say which it is, as `time`.")
    assert client.post("/api/tables/describe", json={"table": "asked.csv", "id": "who", "time": "at"}).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"table": "none.csv"}, 404, "nothing of the name none.csv"),
        ({"table": "/etc/passwd"}, 422, "must end in"),
        ({"table": "C:\\visits.csv"}, 422, "relative to the workspace"),
        ({"table": "../visits.csv"}, 422, ""),
        ({"table": "pbc2", "id": "who"}, 422, "who"),
        ({"table": "pbc2", "kinds": {"sex": "colour"}}, 422, ""),
        ({"table": "pbc2", "duplicates": "drop"}, 422, ""),
        ({}, 422, ""),
    ],
)
def test_what_cannot_be_described_is_one_sentence(client, body, status, words):
    reply = client.post("/api/tables/describe", json=body)
    assert reply.status_code == status and words in reply.text


# --- completing ---------------------------------------------------------------------------------------------------------


def test_holes_are_filled_and_what_was_given_is_unchanged(client, visits, trained):
    body = {"model": "runs/patients", "table": "visits.csv", "draws": 2, "steps": 2, "seed": 1, "out": "whole.csv"}
    found = client.post("/api/imputations", json=body).json()
    given = found["summary"]["given_values"]
    assert given["unchanged"] == given["of"] > 0 and found["summary"]["patients"] == 12
    assert client.jobs.tasks == ["imputation-large"] and found["files"][0]["href"] == "/api/files/whole.csv"
    holes = visits["serChol"].null_count()
    assert found["holes"]["serChol"] == {"empty": holes, "filled": holes}
    frames = load(trained / "runs/patients").impute(visits, draws=2, seed=1, steps=2)
    whole = pl.read_csv(trained / "whole.csv")
    assert whole["draw"].to_list() == [1] * len(visits) + [2] * len(visits)
    assert whole["serChol"].cast(pl.Float64).to_list() == [x for frame in frames for x in frame["serChol"].to_list()]
    assert len(found["bands"]) == 5


def test_the_bands_are_quantiles_of_the_draws(client, visits, trained):
    rows = visits.filter(visits["id"] == 3)
    body = {
        "model": "runs/patients",
        "rows": {"columns": rows.columns, "rows": [list(row) for row in rows.iter_rows()]},
        "draws": 10,
        "steps": 2,
    }
    found = client.post("/api/imputations", json=body).json()
    assert client.jobs.tasks == ["imputation"]
    frames = load(trained / "runs/patients").impute(rows, draws=10, seed=0, steps=2)
    draws = np.stack([frame["serChol"].cast(pl.Float64).to_numpy() for frame in frames])
    band = found["bands"]["3"]["serChol"]
    assert band["given"] == rows["serChol"].to_list() and None in band["given"]
    for name, q in (("low", 0.1), ("low50", 0.25), ("median", 0.5), ("high50", 0.75), ("high", 0.9)):
        assert band[name] == pytest.approx(np.quantile(draws, q, axis=0).tolist())
    assert band["time"] == pytest.approx(rows["year"].to_list())
    shares = found["shares"]["3"]["ascites"]["shares"]
    assert np.allclose(np.sum(list(shares.values()), axis=0), 1)


def test_a_forecast_adds_visits_after_those_given(client, visits):
    rows = visits.filter(visits["id"] == 3)
    cells = {"columns": rows.columns, "rows": [list(row) for row in rows.iter_rows()]}
    body = {"model": "runs/patients", "rows": cells, "draws": 3, "forecast": 2, "steps": 2}
    found = client.post("/api/imputations", json=body).json()
    band = found["bands"]["3"]["serBilir"]
    assert band["given"][:-2] == rows["serBilir"].to_list() and band["given"][-2:] == [None, None]
    assert band["low50"] is None and len(band["median"]) == len(rows) + 2
    assert found["summary"]["visits_added"] == 2 and found["holes"] == {}
    assert np.all(np.diff(band["time"]) > 0)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"table": "visits.csv", "rows": {"columns": ["a"], "rows": [[1]]}}, 422, "one table"),
        ({}, 422, "one table"),
        ({"table": "visits.csv", "draws": 51}, 422, ""),
        ({"table": "visits.csv", "draws": 50, "forecast": 100, "model": "runs/none"}, 404, ""),
        ({"rows": {"columns": ["a", "a"], "rows": [[1, 2]]}}, 422, "two columns"),
        ({"rows": {"columns": ["a", "b"], "rows": [[1, 2], [1]]}}, 422, "row 2 has 1 cells"),
        ({"rows": {"columns": ["a"], "rows": [[1]]}}, 422, "no column"),
        ({"rows": {"columns": ["a"], "rows": [[{}]]}}, 422, ""),
        ({"table": "visits.csv", "model": "runs/digits"}, 422, "a model of pictures"),
        ({"table": "visits.csv", "out": "whole.txt"}, 422, "end in .csv"),
    ],
)
def test_what_cannot_be_completed_is_one_sentence(client, visits, body, status, words):
    reply = client.post("/api/imputations", json={"model": "runs/patients", **body})
    assert reply.status_code == status and words in reply.text, reply.text


def test_rows_times_draws_are_capped(client, visits, monkeypatch):
    monkeypatch.setattr("reverie.operations.imputing.CELLS", replace(imputing.CELLS, most=100))
    reply = client.post("/api/imputations", json={"model": "runs/patients", "table": "visits.csv", "draws": 5})
    assert reply.status_code == 422 and "at most 100" in reply.json()["detail"]


def test_one_draw_has_the_same_number_for_every_band(trained, visits):
    from reverie.prediction_intervals import bands

    done = export.complete(load(trained / "runs/patients"), visits, settings={"steps": 2})
    band = bands(done, 1)["1"]["serChol"]
    assert band["low"] == band["median"] == band["high"] and band["high50"] is None
