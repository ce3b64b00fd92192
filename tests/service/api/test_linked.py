"""Linked tables over HTTP: a folder looked at, trained on, made anew, reported on, and patients one by one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from reverie import load, train
from reverie.models import hospitals
from reverie.records.linked import LinkedSchema, read_linked

SMALL = {"network.width": 16, "network.layers": 1, "training.batch": 16}
FOLDER, RUN = "wards/hospital", "runs/hospital"
DONE = {"prefer": "wait=30"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory, hospital_tables):
    """A workspace with the tables in FOLDER, and a run of them."""
    root = tmp_path_factory.mktemp("whole")
    folder = root / FOLDER
    folder.mkdir(parents=True)
    for name, frame in hospital_tables(40).items():
        frame.write_csv(folder / f"{name}.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hospitals, "CALIBRATED", 32)  # how well it is put right is a matter of records/linked
        train(folder, root / RUN, steps=2, settings=SMALL, holdout=0.3)
        yield root


@pytest.fixture
def hospital(whole, root):
    shutil.copytree(whole, root, dirs_exist_ok=True)
    return root


def test_a_folder_of_uploaded_files_is_described_as_the_library_reads_it(client, root, hospital_tables):
    for name, frame in hospital_tables(40).items():
        assert client.put(f"/api/files/{FOLDER}/{name}.csv", content=frame.write_csv().encode()).status_code == 201
    found = client.post("/api/tables/linked", json={"folder": FOLDER}).json()
    tables = read_linked(root / FOLDER)
    assert found["schema_text"] == tables.schema.yaml() and found["patients"] == 40 and found["fault"] is None
    by_name = {table["name"]: table for table in found["tables"]}
    assert by_name["drugs"]["parent"] == "stays" and by_name["d_tests"]["kind"] == "lookup"
    columns = {column["name"]: (column["role"], column["kind"]) for column in by_name["stays"]["columns"]}
    assert columns["stay_id"][0] == "key" and columns["patient_id"][0] == "reference"
    assert columns["admitted"] == ("start", "datetime") and columns["admission_type"] == ("value", "categorical")
    assert {c["name"]: c.get("follows") for c in by_name["results"]["columns"]}["unit"] == "test_name"
    assert not (root / ".reverie/held").exists() or not [*(root / ".reverie/held").iterdir()]


def test_a_run_of_tables_tied_as_the_schema_says_goes_on_over_http(client, hospital):
    text = client.post("/api/tables/linked", json={"folder": FOLDER}).json()["schema_text"]
    schema = LinkedSchema.from_yaml(text, "text")
    fewer = schema.model_copy(update={"tables": tuple(t for t in schema.tables if t.name != "drugs")})
    (hospital / FOLDER / "drugs.csv").unlink()
    asked = {"folder": FOLDER, "schema_text": fewer.yaml()}
    assert client.post("/api/tables/linked", json=asked).json()["schema_text"] == fewer.yaml()
    refused = client.post("/api/tables/linked", json={"folder": FOLDER, "schema_text": schema.yaml()})
    assert refused.status_code == 422 and "drugs" in refused.json()["detail"]

    body = {"source": FOLDER, "out": "runs/fewer", "steps": 1, "settings": SMALL, "schema_text": fewer.yaml()}
    card = client.post("/api/trainings", json=body, headers=DONE).json()
    assert card["trained"] and card["kind"] == "linked" and card["source"] == FOLDER
    assert "stays.admission_type" in {column["name"] for column in card["columns"]}
    assert load(hospital / "runs/fewer").codec.forms.schema == fewer
    on = client.post("/api/trainings", json={**body, "steps": 2, "resume": True}, headers=DONE)
    assert on.json()["steps"]["done"] == 2
    shutil.rmtree(hospital / FOLDER)
    lost = client.post("/api/reports", json={"runs": ["runs/fewer"]}, headers=DONE)
    assert lost.status_code == 422 and "`source`" in lost.json()["detail"]


def test_tables_are_made_into_a_folder_a_file_for_each(client, hospital):
    body = {"model": RUN, "count": 6, "seed": 3, "out": "made/six", "where": ["sex=female"]}
    found = client.post("/api/samples", json=body).json()
    made = load(hospital / RUN).sample(6, seed=3, where=["sex=female"])
    assert {file["name"] for file in found["files"]} == {f"made/six/{name}.csv" for name in made}
    for file in found["files"]:
        content = client.get(file["href"]).content
        assert content == made[Path(file["name"]).stem].write_csv().encode() and file["bytes"] == len(content)
    looks = {look["table"]: look for look in found["preview"]["tables"]}
    assert looks["stays"]["columns"] == made["stays"].columns
    assert len(looks["results"]["rows"]) == min(10, made["results"].height) and looks.keys() == made.keys()
    again = client.post("/api/samples", json=body)
    assert again.status_code == 409 and again.json()["type"] == "/problems/conflict"
    assert client.post("/api/samples", json={**body, "overwrite": True}).status_code == 200
    unnamed = client.post("/api/samples", json={"model": RUN, "count": 6})
    assert unnamed.status_code == 422 and "`out`" in unnamed.json()["detail"]
    report = client.post("/api/reports", json={"runs": [RUN], "synthetic": "made/six", "out": "told"}, headers=DONE)
    assert "25 training, 12 held-out and 6 synthetic patients" in report.json()["verdict"]["headline"]


def test_a_timeline_has_stays_as_bands_drugs_as_bars_and_all_else_as_marks(client, hospital):
    client.post("/api/samples", json={"model": RUN, "count": 6, "out": "made/six"})
    for asked in ({"folder": FOLDER}, {"folder": FOLDER, "run": RUN}, {"folder": "made/six", "run": RUN}):
        found = client.post("/api/timelines", json={**asked, "first": 2, "count": 3}).json()
        assert found["first"] == 2 and len(found["timelines"]) == 3
        tables = read_linked(hospital / asked["folder"], load(hospital / RUN).codec.forms.schema).frames
        assert found["patients"] == tables["patients"].height
        for place, told in enumerate(found["timelines"], 1):
            who = tables["patients"].row(place, named=True)
            assert told["patient"] == who["patient_id"] and told["facts"]["sex"] == who["sex"]
            lanes = {lane["table"]: lane for lane in told["tables"]}
            shapes = {"stays": "band", "drugs": "bar", "results": "mark", "diagnoses": "mark", "discharges": "mark"}
            assert {name: lane["shape"] for name, lane in lanes.items()} == shapes
            stays = tables["stays"].filter(pl.col("patient_id") == who["patient_id"]).sort("admitted")
            assert len(lanes["stays"]["rows"]) == stays.height
            zero = min(row["start"] for lane in lanes.values() for row in lane["rows"])
            assert zero == 0
            lasted = (stays["discharged"] - stays["admitted"]).dt.total_seconds() / 86_400
            bands = lanes["stays"]["rows"]
            assert [row["end"] - row["start"] for row in bands] == pytest.approx(lasted.to_list(), abs=1e-4)
            assert not lanes["diagnoses"]["timed"]
            assert {row["start"] for row in lanes["diagnoses"]["rows"]} <= {row["start"] for row in bands}


def test_resources_of_fhir_are_a_folder_of_tables(client):
    people = [{"resourceType": "Patient", "id": f"p{i}", "gender": ["female", "male"][i % 2]} for i in range(3)]
    period = {"start": "2026-01-01T08:00:00Z", "end": "2026-01-03T08:00:00Z"}
    stays = [
        {"resourceType": "Encounter", "id": f"e{i}", "subject": {"reference": f"Patient/p{i}"}, "period": period}
        for i in range(3)
    ]
    for resources in (people, stays):
        content = "".join(json.dumps(each) + "\n" for each in resources).encode()
        assert client.put(f"/api/files/fhir/{resources[0]['resourceType']}.ndjson", content=content).status_code == 201
    found = client.post("/api/tables/linked", json={"folder": "fhir"}).json()
    assert found["standard"] == "fhir" and found["patients"] == 3
    told = client.post("/api/timelines", json={"folder": "fhir", "first": 3}).json()["timelines"][0]
    assert [(lane["table"], lane["rows"][0]["end"]) for lane in told["tables"]] == [("encounters", 2)]


def test_what_is_no_hospital_is_refused_in_a_sentence(client, hospital):
    for part in ("a", "b"):
        client.put(f"/api/files/parts/{part}.csv", content=b"id,day\n1,0\n1,1\n2,0\n")
    refused = {
        "nowhere": (404, "nothing of the name nowhere"),
        "parts": (422, "upload one table as one file"),
        "wards/../..": (422, "name"),
    }
    for folder, (status, words) in refused.items():
        reply = client.post("/api/tables/linked", json={"folder": folder})
        assert reply.status_code == status and words in reply.json()["detail"], reply.text
    parts = client.post("/api/trainings", json={"source": "parts", "out": "runs/parts", "steps": 1}, headers=DONE)
    assert parts.status_code == 422 and "upload one table as one file" in parts.json()["detail"]
    wrong = {"folder": FOLDER, "schema_text": "columns: []"}
    assert client.post("/api/tables/linked", json=wrong).status_code == 422
    past = client.post("/api/timelines", json={"folder": FOLDER, "first": 41})
    assert past.status_code == 422 and "40 patients" in past.json()["detail"]
    client.put("/api/files/wards/hospital/orders.csv", content=b"order_id,stay_id\n1,gone\n2,lost\n")
    found = client.post("/api/tables/linked", json={"folder": FOLDER}).json()
    assert found["patients"] == 40


@pytest.mark.parametrize("told", [{"table_cells": 900}, {"table_bytes": 3000}])
def test_all_tables_of_a_folder_together_are_within_the_limits(client, hospital):
    reply = client.post("/api/tables/linked", json={"folder": FOLDER})
    assert reply.status_code == 422 and "split it" in reply.json()["detail"]


def test_holes_and_forecasts_are_refused_in_a_sentence(client, hospital):
    for more in ({}, {"forecast": 1}):
        reply = client.post(
            "/api/imputations",
            json={"model": RUN, "table": f"{FOLDER}/stays.csv", "out": "filled.csv", **more},
            headers=DONE,
        )
        assert reply.status_code == 422 and "linked tables" in reply.json()["detail"]
