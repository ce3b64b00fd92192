"""Runs over HTTP: cards without patients' values, samples, training that is told, continued and refused; model files."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from reverie import config, load
from reverie.images import read_images
from reverie.manifest import seal
from reverie.records import read_table
from reverie.reports.evidence import again
from reverie.service.settings import Settings
from reverie.service.tasks import TASKS
from reverie.service.workspace import Workspace

SMALL = {"network.width": 16, "network.layers": 1, "training.batch": 16, "training.log_every": 1, "training.judge_every": 2}


def test_runs_are_listed_with_their_kind_and_size(client, trained):
    found = {each["name"]: each for each in client.get("/api/models").json()["models"]}
    assert found["runs/digits"]["kind"] == "images" and found["runs/digits"]["size"] == [8, 8, 1]
    assert found["runs/patients"]["kind"] == "records" and found["runs/patients"]["source"] == "pbc2"


def test_a_card_tells_columns_and_levels_but_no_patients_value(client, trained):
    reply = client.get("/api/models/runs/patients")
    found = reply.json()
    assert found["trained"] and found["steps"] == {"done": 3, "of": 3}
    assert found["parameters"] == sum(p.numel() for p in load(trained / "runs/patients").denoiser.module.parameters())
    columns = {column["name"]: column for column in found["columns"]}
    assert columns["sex"]["levels"] == ["female", "male"] and columns["id"]["role"] == "identifier"
    codec = json.loads((trained / "runs/patients/codec.json").read_text())
    hidden = {"lowest", "highest", "lower", "upper", "value", "why", "skew"}
    assert all(not hidden & set(column) for column in found["columns"])
    extremes = [c["highest"] for c in codec["schema"]["columns"] if c["kind"] == "real" and c["role"] == "varying"]
    assert extremes and not any(f"{value}" in reply.text for value in extremes if value is not None and value > 10)
    assert client.get("/api/models/runs/digits").json()["image_shape"] == [8, 8, 1]
    assert client.get("/api/models/runs/none").status_code == 404
    assert client.get("/api/models/runs").status_code == 422  # a folder, but no run


def test_metrics_come_from_a_step_on(client, trained):
    found = client.get("/api/models/runs/patients/metrics").json()
    assert found["last"] == 3 and any("loss" in line for line in found["metrics"])
    after = client.get("/api/models/runs/patients/metrics?after=3").json()
    assert after == {"metrics": [], "last": 3}
    with (trained / "runs/patients/metrics.jsonl").open("a") as file:
        file.write('[1]\n{"step": "x"}\n{"step": 4, "loss": NaN}\n{"step": 5, "loss": 0.5}\n{"step": 6, "lo')
    found = client.get("/api/models/runs/patients/metrics?after=3").json()
    assert found == {"metrics": [{"step": 4, "loss": None}, {"step": 5, "loss": 0.5}], "last": 5}


# --- samples ------------------------------------------------------------------------------------------------------------


def test_patients_are_those_of_the_library_in_a_file_with_a_preview(client, trained, root):
    body = {"model": "runs/patients", "count": 5, "seed": 2, "steps": 2, "where": ["sex=female"]}
    found = client.post("/api/samples", json=body).json()
    frame = load(trained / "runs/patients").sample(5, seed=2, steps=2, where=["sex=female"])
    file = found["files"][0]
    assert file["href"].startswith("/api/jobs/") and client.get(file["href"]).content == frame.write_csv().encode()
    assert found["summary"]["patients"] == 5 and found["summary"]["rows"] == frame.height
    assert found["preview"]["columns"] == frame.columns and len(found["preview"]["rows"]) == min(frame.height, 50)
    out = client.post("/api/samples", json={**body, "out": "tables/new.parquet"}).json()
    assert out["files"][0]["href"] == "/api/files/tables/new.parquet"
    assert out["files"][0]["bytes"] == (root / "tables/new.parquet").stat().st_size
    assert pl.read_parquet(root / "tables/new.parquet").equals(frame)
    again = client.post("/api/samples", json={**body, "out": "tables/new.parquet"})
    assert again.status_code == 409 and again.json()["type"] == "/problems/conflict"
    assert client.post("/api/samples", json={**body, "out": "tables/new.parquet", "overwrite": True}).status_code == 200


def test_pictures_are_those_of_the_library_and_small_ones_are_shown(client, trained, root):
    body = {"model": "runs/digits", "count": 20, "steps": 2, "out": "digits.npy"}
    found = client.post("/api/samples", json=body).json()
    assert len(found["preview"]["images"]) == 16 and (root / "digits.npy").is_file()
    assert client.jobs.heard[0].reports[-1] == (2, 2)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"model": "runs/patients", "count": 0}, 422, ""),
        ({"model": "runs/patients", "count": 1_000_000, "steps": 1000}, 422, "at most 20,000,000"),
        ({"model": "runs/digits", "count": 5000}, 422, "at most 4,096"),
        ({"model": "runs/digits", "count": 1, "where": ["sex=female"]}, 422, "pictures are asked for by their class"),
        ({"model": "runs/digits", "count": 1, "where": ["class=33"]}, 422, "did you mean '3'"),
        ({"model": "runs/digits", "count": 1, "guidance": 2}, 422, "guidance follows a class"),
        ({"model": "runs/patients", "count": 1, "clip": True}, 422, "`clip` is for pictures"),
        ({"model": "runs/patients", "count": 1, "where": ["age=old"]}, 422, "age is a number"),
        ({"model": "runs/patients", "count": 1, "sampler": "ddim", "spacing": "even"}, 422, ""),
        ({"model": "runs/patients", "count": 1, "out": "new.txt"}, 422, "must end in"),
        ({"model": "../runs/patients", "count": 1}, 422, ""),
        ({"model": "~/runs/patients", "count": 1}, 422, "relative to the workspace"),
        ({"model": "runs/none", "count": 1}, 404, ""),
    ],
)
def test_samples_that_cannot_be_made_are_one_sentence(client, trained, body, status, words):
    reply = client.post("/api/samples", json=body)
    assert reply.status_code == status and words in reply.text


def test_patients_are_made_to_the_statics_of_a_table(client, trained):
    (trained / "wanted.csv").write_text("sex,age\nfemale,45\nmale,62\nfemale,30.5\n")
    body = {"model": "runs/patients", "given": "wanted.csv", "count": 3, "steps": 1}
    rows = [dict(zip(*row, strict=True)) for row in _rows(client.post("/api/samples", json=body).json()["preview"])]
    statics = {row["id"]: (row["sex"], round(float(row["age"]), 1)) for row in rows}
    assert list(statics.values()) == [("female", 45.0), ("male", 62.0), ("female", 30.5)]
    assert client.jobs.tasks == ["sample"]
    client.post("/api/samples", json={**body, "count": None})
    assert client.jobs.tasks[1:] == ["sample-large"]  # how many there are is not known before
    for wrong, words in ({"count": 4}, "so 4 cannot be made"), ({"given": "none.csv"}, "none.csv"):
        assert words in client.post("/api/samples", json=body | wrong).json()["detail"]


def _rows(preview):
    return [(preview["columns"], row) for row in preview["rows"]]


def test_large_samples_go_to_the_slow_lane(client, trained):
    client.post("/api/samples", json={"model": "runs/digits", "count": 300, "steps": 1})
    assert client.jobs.tasks == ["sample-large"] and TASKS["sample-large"].lane == "slow"


# --- model files --------------------------------------------------------------------------------------------------------


class Bomb:
    """What unpickles it leaves a file at `canary`."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return (Path.touch, (self.canary,))


def damaged(reply, words: str) -> None:
    assert reply.status_code == 409, reply.text
    detail = reply.json()["detail"]
    assert reply.json()["type"] == "/problems/damaged" and words in detail and detail.count(". ") == 0, detail
    assert "/tmp" not in detail


@pytest.mark.parametrize("sealed", [False, True])
def test_a_pickle_called_safetensors_is_never_unpickled(client, trained, sealed, tmp_path):
    run, canary = trained / "runs" / "digits", tmp_path / "unpickled"
    content = pickle.dumps(Bomb(canary))
    (run / "model.safetensors").write_bytes(content)
    if sealed:  # by someone who knows how manifests are written
        seal(run, ("config.yaml", "codec.json", "model.safetensors"))
    damaged(client.post("/api/samples", json={"model": "runs/digits", "count": 1}), "runs/digits/model.safetensors")
    damaged(client.get("/api/models/runs/digits"), "runs/digits/model.safetensors is not a safetensors file")
    assert not canary.exists()
    pickle.loads(content)
    assert canary.exists()  # it would have been seen


def test_weights_that_do_not_fit_the_config_are_named(client, trained):
    run = trained / "runs" / "digits"
    text = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(text.replace("width: 8", "width: 16"))
    seal(run, ("config.yaml", "codec.json", "model.safetensors"))
    damaged(client.post("/api/samples", json={"model": "runs/digits", "count": 1}), "does not fit config.yaml")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.yaml", "!!python/object/apply:os.system ['true']"),
        ("config.yaml", "a: &a [x, x]\nb: [*a, *a]\n"),
        ("config.yaml", "[" * 100_000),
        ("config.yaml", "\0"),
        ("codec.json", "[" * 100_000),
        ("codec.json", '{"kind": "images", "height": 100000, "width": 100000, "channels": 1}'),
        ("codec.json", '{"kind": "images", "height": 8}'),
        ("codec.json", "{}"),
        ("codec.json", "null"),
    ],
)
def test_other_files_of_a_run_that_lie_are_one_sentence(client, trained, file, content):
    run = trained / "runs" / "digits"
    (run / file).write_text(content)
    seal(run, ("config.yaml", "codec.json", "model.safetensors"))
    damaged(client.post("/api/samples", json={"model": "runs/digits", "count": 1}), file)
    listed = {each["name"]: each for each in client.get("/api/models").json()["models"]}
    assert listed["runs/patients"]["kind"] == "records"  # the others are still there


def test_a_network_too_large_to_be_built_is_refused_before_it_is(client, trained):
    run = trained / "runs" / "digits"
    text = (run / "config.yaml").read_text()
    wide = text.replace("width: 8", "width: 1024").replace("blocks: 1", "blocks: 8")
    (run / "config.yaml").write_text(wide)
    seal(run, ("config.yaml", "codec.json", "model.safetensors"))
    damaged(client.post("/api/samples", json={"model": "runs/digits", "count": 1}), "100,000,000 are allowed")


@pytest.mark.parametrize(("name", "settings"), [("data/visits.csv", SMALL), ("data/some.npy", {"training.batch": 8})])
def test_a_report_finds_what_a_run_was_trained_on_here(client, root, name, settings, monkeypatch):
    (root / "data").mkdir()
    read_table("pbc2").take(range(30)).frame.write_csv(root / "data/visits.csv")
    np.save(root / "data/some.npy", read_images("digits").pixels[:40])
    body = {"source": name, "out": "runs/own", "steps": 2, "settings": settings}
    assert client.post("/api/trainings", json=body).status_code == 200
    monkeypatch.chdir(root / "runs")
    source = config.read(root / "runs/own").source
    assert again(source, "--source") == str(root / name)
    written = (root / "runs/own/config.yaml").read_text()
    assert f"path: ../../{name}" in written and str(root) not in written


# --- training -----------------------------------------------------------------------------------------------------------


def test_training_tells_its_losses_and_answers_with_the_card(client, root):
    body = {"source": "pbc2", "out": "runs/new", "steps": 4, "settings": SMALL}
    reply = client.post("/api/trainings", json=body)
    found = reply.json()
    assert reply.status_code == 200 and found["name"] == "runs/new" and found["kind"] == "records"
    assert found["steps"] == {"done": 4, "of": 4} and found["loss_aside"] is not None
    heard = client.jobs.heard[0]
    metrics = [data for kind, data in heard.events if kind == "metric"]
    assert [data["step"] for data in metrics if "loss" in data] == [1, 2, 3, 4]
    assert [data["step"] for data in metrics if "loss_aside" in data] == [2, 4]
    assert heard.reports[-1] == (4, 4)
    assert client.post("/api/trainings", json=body).status_code == 409
    assert client.get("/api/models").json()["models"][0]["name"] == "runs/new"


def test_a_run_is_distilled_and_asked_for_its_calls_alone(client, trained):
    body = {"run": "runs/digits", "out": "runs/fast", "calls": 2, "steps": 2}
    found = client.post("/api/distillations", json=body).json()
    assert found["name"] == "runs/fast" and found["parent"] == "digits" and found["config"]["distilled"]["calls"] == 2
    assert found["steps"] == {"done": 2, "of": 2} and client.jobs.heard[0].reports[-1] == (2, 2)
    asked = {"model": "runs/fast", "count": 1}
    assert client.post("/api/samples", json=asked).json()["summary"]["steps"] == 2
    refused = client.post("/api/samples", json={**asked, "steps": 50})
    assert refused.status_code == 422 and "not in 50 steps" in refused.json()["detail"]


def test_pictures_and_tables_of_the_workspace_are_trained_on(client, root):
    from PIL import Image

    (root / "photos").mkdir()
    for i in range(3):
        Image.new("RGB", (9, 8 + i), (80 * i, 0, 0)).save(root / "photos" / f"{i}.png")
    tiny = {"network.width": 8, "network.groups": 4, "network.blocks": 1, "training.batch": 4}
    body = {"source": "photos", "out": "runs/photos", "steps": 1, "size": 8, "channels": 1, "settings": tiny}
    found = client.post("/api/trainings", json=body).json()
    assert found["source"] == "photos" and found["image_shape"] == [8, 8, 1]
    read_table("pbc2").take(range(30)).frame.write_csv(root / "visits.csv")
    found = client.post(
        "/api/trainings", json={"source": "visits.csv", "out": "runs/visits", "steps": 1, "id": "id", "settings": SMALL}
    ).json()
    assert found["source"] == "visits.csv" and str(root) not in json.dumps(found)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"source": "pbc2", "steps": 1, "minutes": 1}, "not both"),
        ({"source": "pbc2", "minutes": 0.01}, ""),
        ({"source": "pbc2", "steps": 1, "size": 8}, "`size` is for pictures"),
        ({"source": "digits", "steps": 1, "id": "x"}, "`id` is for a table"),
        ({"source": "pbc2", "steps": 1, "settings": {"batsh": 1}}, "did you mean"),
        ({"source": "pbc2", "steps": 1, "settings": {"batch": 1_000_000}}, "at most 4,096"),
        ({"source": "digits", "steps": 1, "settings": {"network.width": 1024, "network.blocks": 8}}, "100,000,000"),
        ({"source": "pbc2", "steps": 1, "recipe": "ddpm"}, "for pictures"),
        ({"source": "pbc2", "steps": 1, "settings": {"device": "cuda:99"}}, ""),
        ({"source": "pbc2", "steps": 1, "settings": {"schedule.steps": "x"}}, ""),
        ({"source": "pbc2", "steps": 1, "settings": {"network.kind": "unet"}}, ""),
        ({"source": "../pbc.csv", "steps": 1}, ""),
        ({"source": "pbc2", "steps": 1, "out": "//runs/x"}, "relative to the workspace"),
    ],
)
def test_trainings_that_cannot_be_are_one_sentence_and_leave_nothing(client, root, body, words):
    reply = client.post("/api/trainings", json={"out": "runs/x", **body})
    assert reply.status_code in (404, 422) and words in reply.text, reply.text
    assert not (root / "runs" / "x").exists()


def test_minutes_beyond_the_deadline_of_a_job_are_refused_at_once(told, request):
    told["slow_seconds"] = 3600.0
    client = request.getfixturevalue("client")
    reply = client.post("/api/trainings", json={"source": "pbc2", "out": "runs/x", "minutes": 100})
    assert reply.status_code == 422 and "allows a training 54 at most" in reply.json()["detail"]
    assert client.jobs.tasks == []


def test_a_run_is_resumed_on_request(client, root):
    body = {"source": "digits", "out": "runs/d", "steps": 2, "settings": {"network.width": 8, "network.groups": 4}}
    client.post("/api/trainings", json=body)
    weights = (root / "runs/d/model.safetensors").read_bytes()
    assert client.post("/api/trainings", json={**body, "resume": True}).status_code == 200
    assert (root / "runs/d/model.safetensors").read_bytes() == weights
    assert client.post("/api/trainings", json={**body, "resume": True, "out": "runs/none"}).status_code == 404


class Crash(BaseException):
    """The process is gone."""


def test_a_training_that_a_crash_ended_goes_on_to_the_same_weights(root, tmp_path, work_of):
    settings = Settings(workspace=root, free_bytes=0)
    workspace = Workspace(root, settings)
    tiny = {"network.width": 8, "network.groups": 4, "network.blocks": 1, "training.batch": 8, "checkpoint_every": 2}
    body = {"source": "digits", "steps": 6, "settings": tiny}
    work, _ = work_of(settings, workspace, tmp_path / "whole")
    TASKS["training"].run(work, {**body, "out": "runs/whole"})

    work, heard = work_of(settings, workspace, tmp_path / "crashed")
    step = work.step
    work.step = lambda done, total: step(done, total) if done < 5 else (_ for _ in ()).throw(Crash)  # pyright: ignore
    with pytest.raises(Crash):
        TASKS["training"].run(work, {**body, "out": "runs/crashed"})
    shutil.rmtree(work.folder)  # as a worker empties it before each attempt
    again, heard = work_of(settings, workspace, tmp_path / "crashed", attempt=2)
    TASKS["training"].run(again, {**body, "out": "runs/crashed"})
    assert heard.reports[0][0] == 5  # it went on from step 4
    whole, crashed = ((root / f"runs/{name}/model.safetensors").read_bytes() for name in ("whole", "crashed"))
    assert whole == crashed


def test_another_attempt_never_takes_a_run_that_was_there_before(root, tmp_path, work_of):
    settings = Settings(workspace=root, free_bytes=0)
    workspace = Workspace(root, settings)
    (root / "runs/mine").mkdir(parents=True)
    (root / "runs/mine/config.yaml").write_text("mine")
    work, _ = work_of(settings, workspace, tmp_path / "job", attempt=2)
    with pytest.raises(Exception, match="there already"):
        TASKS["training"].run(work, {"source": "digits", "out": "runs/mine", "steps": 1})
    assert (root / "runs/mine/config.yaml").read_text() == "mine"
