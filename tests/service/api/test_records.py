"""Tables over HTTP: described as on the command line; completed, with what was given unchanged and bands around the rest."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from reverie import export, load
from reverie.cli.data import app
from reverie.operations import imputing
from reverie.records import read_table


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
