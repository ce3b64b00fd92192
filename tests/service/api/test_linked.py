"""Linked tables over HTTP: a folder looked at, trained on, made anew, reported on, and patients one by one."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import sqlite3
import zipfile
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from reverie import load, train, zips
from reverie.cli.app import app
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
        patch.setattr(hospitals, "CALIBRATED", (32, 32))  # how well it is put right is a matter of records/linked
        train(folder, root / RUN, steps=2, settings=SMALL, holdout=0.3)
        yield root


@pytest.fixture
def hospital(whole, root, monkeypatch):
    monkeypatch.setattr(hospitals, "CALIBRATED", (32, 32))
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
    packed = client.post("/api/samples", json={**body, "out": None}).json()["files"][0]
    assert unpacked(client.get(packed["href"]).content) == {f"{n}.csv": f.write_csv().encode() for n, f in made.items()}
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
        "parts": (422, "give one table as one file"),
        "wards/../..": (422, "name"),
    }
    for folder, (status, words) in refused.items():
        reply = client.post("/api/tables/linked", json={"folder": folder})
        assert reply.status_code == status and words in reply.json()["detail"], reply.text
    parts = client.post("/api/trainings", json={"source": "parts", "out": "runs/parts", "steps": 1}, headers=DONE)
    assert parts.status_code == 422 and "give one table as one file" in parts.json()["detail"]
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


def unpacked(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def holed(place, client, tables):
    """The tables in a folder of the workspace, some wards and doses of which are not known; and as they are."""
    folder = {name: frame.write_csv().encode() for name, frame in tables.items()}
    for name, column in (("stays", "ward"), ("drugs", "dose")):
        frame = tables[name].with_columns(pl.when(pl.int_range(pl.len()) % 3 > 0).then(pl.col(column)).alias(column))
        folder[name] = frame.write_csv().encode()
    for name, content in folder.items():
        assert client.put(f"/api/files/{place}/{name}.csv", content=content).status_code == 201
    return folder


def test_holes_are_filled_over_http_to_the_bytes_of_the_command_line(client, hospital, hospital_tables, tmp_path):
    given = holed("wards/holed", client, hospital_tables(20))
    body = {"model": RUN, "table": "wards/holed", "seed": 4, "columns": ["stays.ward", "drugs.dose"]}
    found = client.post("/api/imputations", json=body, headers=DONE).json()
    (file,) = found["files"]
    assert file["name"] == "completed.zip" and file["href"].startswith("/api/jobs/")
    made = unpacked(client.get(file["href"]).content)
    columns = ["--columns", "stays.ward,drugs.dose", "--seed", "4", "--out", str(tmp_path / "here")]
    reply = CliRunner().invoke(app, ["impute", str(hospital / RUN), str(hospital / "wards/holed"), *columns])
    assert reply.exit_code == 0, reply.output
    assert made == {path.name: path.read_bytes() for path in (tmp_path / "here").iterdir()}
    assert {name for name, content in given.items() if made[f"{name}.csv"] != content} == {"stays", "drugs"}
    assert found["holes"]["stays.ward"]["empty"] == found["holes"]["stays.ward"]["filled"] > 5
    again = client.post("/api/imputations", json={**body, "out": "filled/one.zip"}, headers=DONE).json()
    assert client.get(again["files"][0]["href"]).content == client.get(file["href"]).content

    asked = {"folder": "filled/one.zip", "run": RUN, "given": "wards/holed", "count": 20}
    told = client.post("/api/timelines", json=asked).json()["timelines"]
    rows = [(lane["table"], row) for each in told for lane in each["tables"] for row in lane["rows"]]
    for name, column in (("stays", "ward"), ("drugs", "dose")):
        filled = [row for table, row in rows if table == name and row["filled"]]
        assert len(filled) == found["holes"][f"{name}.{column}"]["filled"] and {*map(len, filled)} == {6}
        assert all(row["filled"] == [column] and row["cells"][column] for row in filled)
    assert not any(row["made"] or (row["filled"] and table not in ("stays", "drugs")) for table, row in rows)


def test_what_comes_after_is_told_apart_from_what_is_given(client, hospital):
    body = {"model": RUN, "table": FOLDER, "forecast": "200d", "draws": 2, "out": "future"}
    found = client.post("/api/imputations", json=body, headers=DONE).json()
    assert {file["name"].split("/")[1] for file in found["files"]} == {"1", "2"}
    added = 0
    for draw in ("1", "2"):
        asked = {"folder": f"future/{draw}", "run": RUN, "given": FOLDER, "count": 20}
        parts = [client.post("/api/timelines", json={**asked, "first": first}).json() for first in (1, 21)]
        told = [each for part in parts for each in part["timelines"]]
        for each in told:
            lanes = {lane["table"]: lane["rows"] for lane in each["tables"]}
            events = [row for rows in lanes.values() for row in rows if row["start"] is not None]
            last = max(row["end"] or row["start"] for row in events if not row["made"])
            assert all(row["start"] > last for row in events if row["made"])
            added += sum(row["made"] for rows in lanes.values() for row in rows)
        given = (hospital / FOLDER / "stays.csv").read_bytes()
        assert (hospital / "future" / draw / "stays.csv").read_bytes().startswith(given)
    assert added == found["summary"]["rows_added"] > 0
    assert client.post("/api/imputations", json=body, headers=DONE).status_code == 409


def test_a_zip_and_a_database_are_taken_wherever_a_folder_is(client, hospital, tmp_path):
    zips.pack(hospital / "wards", tmp_path / "h.zip")
    with sqlite3.connect(tmp_path / "h.db") as there:
        for path in sorted((hospital / FOLDER).iterdir()):
            head, *rows = [line.split(",") for line in path.read_text().splitlines()]
            there.execute(f"CREATE TABLE {path.stem} ({', '.join(head)})")
            cells = [[cell or None for cell in row] for row in rows]
            there.executemany(f"INSERT INTO {path.stem} VALUES ({', '.join('?' * len(head))})", cells)
    told = {}
    for name in (FOLDER, "h.zip", "h.db"):
        if name != FOLDER:
            content = (tmp_path / name).read_bytes()
            assert client.put(f"/api/files/tables/{name}", content=content).status_code == 201
            name = f"tables/{name}"
        asked = {"folder": name, "run": RUN, "count": 3}
        described = client.post("/api/tables/linked", json={"folder": name}).json()
        lives = client.post("/api/timelines", json=asked).json()
        body = {"model": RUN, "table": name, "columns": ["stays.ward"]}
        filled = client.post("/api/imputations", json=body, headers=DONE).json()
        frames = unpacked(client.get(filled["files"][0]["href"]).content)
        if name == "tables/h.db":
            body = {"model": RUN, "count": 3, "out": "made/new.sqlite"}
            assert client.post("/api/samples", json=body).json()["files"][0]["name"] == "made/new.sqlite"
            assert client.post("/api/samples", json=body).status_code == 409
            assert client.post("/api/tables/linked", json={"folder": "made/new.sqlite"}).json()["tables"]
        told[name] = (described["tables"], lives["timelines"], filled["holes"], frames["drugs.csv"])
    training = {"source": "tables/h.zip", "out": "runs/zipped", "steps": 1, "settings": SMALL}
    assert client.post("/api/trainings", json=training, headers=DONE).json()["kind"] == "linked"
    assert told["tables/h.zip"] == told[FOLDER]
    assert told["tables/h.db"][1:] == told[FOLDER][1:]
    assert not [*(hospital / ".reverie/held").iterdir()]


def test_fhir_in_one_file_is_taken_wherever_a_folder_is(client, root, tmp_path, monkeypatch):
    monkeypatch.setattr(hospitals, "CALIBRATED", (32, 32))
    made = []
    for p in range(24):
        made.append({"resourceType": "Patient", "id": f"p{p}", "gender": ["female", "male"][p % 2]})
        for s in range(1 + p % 3):
            day, about = f"2026-0{1 + s}-{10 + p % 7}", {"subject": {"reference": f"Patient/p{p}"}}
            period = {"start": f"{day}T08:00:00Z", "end": f"{day}T{12 + p % 9}:00:00Z"}
            made.append({"resourceType": "Encounter", "id": f"e{p}-{s}", "status": "finished", **about, "period": period})
            for kind, words in (("2951-2", "Sodium"), ("2823-3", "Potassium")):
                code = {"coding": [{"system": "http://loinc.org", "code": kind, "display": words}]}
                value = {
                    "valueQuantity": {"value": 4 + p % 5 / 10, "unit": "mmol/L"},
                    "effectiveDateTime": f"{day}T09:00:00Z",
                }
                tied = {**about, "encounter": {"reference": f"Encounter/e{p}-{s}"}, "status": "final", "code": code}
                made.append({"resourceType": "Observation", "id": f"o{p}-{s}-{kind}", **tied, **value})
    bundle = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in made]})
    lines = "\n".join(map(json.dumps, made)).encode()
    told = []
    for name, content in (
        ("b.json.gz", gzip.compress(bundle.encode())),
        ("b.json", bundle.encode()),
        ("b.ndjson.gz", gzip.compress(lines)),
    ):
        assert client.put(f"/api/files/in/{name}", content=content).status_code == 201
        described = client.post("/api/tables/linked", json={"folder": f"in/{name}"}).json()
        assert (described["standard"], described["patients"]) == ("fhir", 24)
        lives = client.post("/api/timelines", json={"folder": f"in/{name}", "count": 3}).json()
        told.append((described["tables"], described["schema_text"], lives["timelines"]))
    assert told[0] == told[1] == told[2]
    labels = {row["label"] for table in told[0][2][0]["tables"] for row in table["rows"] if table["table"] == "observations"}
    assert labels == {"Sodium", "Potassium"}
    settings = {**SMALL, "training.holdout": 0.3}
    body = {"source": "in/b.json", "out": "runs/fhir", "steps": 1, "settings": settings}
    assert client.post("/api/trainings", json=body, headers=DONE).json()["kind"] == "linked"
    report = client.post("/api/reports", json={"runs": ["runs/fhir"]}, headers=DONE)  # the source is found again
    assert report.status_code == 200, report.text
    assert not [*(root / ".reverie/held").iterdir()]

    refused = [
        ("plain.json", b'{"a": 1}', "plain.json names no resourceType, so it is no FHIR: give a Bundle"),
        ("cut.json", bundle.encode()[:-9], "cut.json is not JSON"),
        ("nobody.ndjson", b'{"resourceType": "Device", "id": "1"}', "nobody.ndjson holds no Patient"),
    ]
    for name, content, words in refused:
        client.put(f"/api/files/{name}", content=content)
        for path, more in (("tables/linked", {"folder": name}), ("trainings", {"source": name, "out": "runs/no"})):
            reply = client.post(f"/api/{path}", json=more, headers=DONE)
            assert reply.status_code == 422 and words in reply.json()["detail"], reply.text
    filled = client.post("/api/imputations", json={"model": "runs/fhir", "table": "in/b.json"}, headers=DONE)
    assert filled.status_code == 422 and "b.json is one file: give a folder of tables" in filled.json()["detail"]


@pytest.mark.parametrize("told", [{"table_bytes": 30_000}])
def test_a_zip_and_a_database_are_held_to_the_limits_of_files(client, hospital, tmp_path):
    zips.pack(hospital / FOLDER, tmp_path / "h.zip")
    client.put("/api/files/h.zip", content=(tmp_path / "h.zip").read_bytes())
    client.put("/api/files/h.db", content=b"SQLite format 3\0" + b"0" * 40_000)
    client.put("/api/files/h.json", content=json.dumps({"resourceType": "Bundle", "note": "0" * 40_000}).encode())
    for name in ("h.zip", "h.db", "h.json"):
        for path, body in (("tables/linked", {"folder": name}), ("imputations", {"model": RUN, "table": name})):
            reply = client.post(f"/api/{path}", json=body, headers=DONE)
            assert reply.status_code == 422 and f"{name} has more than the 30,000 bytes" in reply.json()["detail"]


def test_what_cannot_be_completed_is_refused_in_a_sentence(client, hospital, runs):
    shutil.copytree(runs / "patients", hospital / "runs" / "patients")
    asked = {"model": RUN, "table": FOLDER}
    client.put("/api/files/notes.zip", content=b"hello")
    refused = [
        ({"forecast": -3}, "forecast must be 1 or more."),
        ({"forecast": "-3"}, "forecast: it is a number of visits, or of linked tables a time such as"),
        ({"forecast": "0d"}, "'0d' is no time to go on for"),
        ({"forecast": 101}, "forecast must be 100 or less."),
        ({"columns": ["stays.wrd"]}, "did you mean 'ward'?"),
        ({"columns": ["stays.admitted"]}, "stays.admitted is not learned"),
        ({"columns": ["stays.ward"], "forecast": 1}, "`columns` is of filling holes"),
        ({"method": "repaint"}, "`method` is not for linked tables"),
        ({"out": "filled.csv"}, "written to a folder, a file for each, packed as a .zip, or to a DuckDB"),
        ({"table": f"{FOLDER}/stays.csv"}, "stays.csv is one table"),
        ({"table": "notes.zip"}, "notes.zip is not a whole zip file"),
        ({"table": None, "rows": {"columns": ["sex"], "rows": [["f"]]}}, "`rows` is one table"),
        ({"model": "runs/patients", "table": "pbc2", "forecast": "30d"}, "give `forecast` a number"),
        ({"model": "runs/patients", "table": "pbc2", "out": "folder"}, "must end in .csv"),
    ]
    for more, words in refused:
        body = {name: value for name, value in {**asked, **more}.items() if value is not None}
        reply = client.post("/api/imputations", json=body, headers=DONE)
        assert reply.status_code == 422 and words in reply.json()["detail"], reply.text
    for body, words in (
        ({"folder": FOLDER, "given": FOLDER}, "give `run` too"),
        ({"folder": FOLDER, "given": "nowhere", "run": RUN}, "nothing of the name nowhere"),
    ):
        assert words in client.post("/api/timelines", json=body).json()["detail"]
