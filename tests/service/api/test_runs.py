"""Runs as things one keeps: listed without their weights; renamed, deleted and taken away, but not while a job uses them."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from reverie import load
from reverie.manifest import verify
from reverie.service import archive, listing
from reverie.service.jobs.places import Places

ID = "a" * 32


def line(client, name: str) -> dict:
    return next(each for each in client.get("/api/models").json()["models"] if each["name"] == name)


def busy(client, operation: str, **places) -> None:
    """As if a job that has not ended had these places."""
    client.jobs.unfinished.append((ID, {"operation": operation}, Places(**places)))


def test_a_list_tells_how_far_each_run_came_and_reads_no_weights(client, trained):
    (trained / "runs/digits/model.safetensors").write_bytes(b"no weights at all")
    (trained / "runs/patients/model.safetensors").unlink()
    digits, patients = line(client, "runs/digits"), line(client, "runs/patients")
    assert (digits["state"], digits["done"], digits["steps"], digits["kind"]) == ("trained", 2, 2, "images")
    assert digits["bytes"] == sum(path.stat().st_size for path in (trained / "runs/digits").rglob("*") if path.is_file())
    assert digits["modified"].endswith("+00:00") and digits["loss"] > 0 and digits["verdict"] is digits["report"] is None
    assert patients["state"] == "stopped" and patients["job"] is None and patients["done"] == 3
    busy(client, "report", writes=("runs/digits",))
    busy(client, "training", writes=("runs/patients",))
    assert line(client, "runs/digits")["state"] == "trained"
    assert (line(client, "runs/patients")["state"], line(client, "runs/patients")["job"]) == ("training", ID)


def test_a_list_follows_what_changes(client, trained):
    config = trained / "runs/digits/config.yaml"
    assert line(client, "runs/digits")["source"] == "digits"
    config.write_text(config.read_text().replace("name: digits", "name: others"))
    assert line(client, "runs/digits")["source"] == "others"
    with (trained / "runs/digits/metrics.jsonl").open("a") as file:
        file.write('{"step": 9, "loss": 0.25}\n{"step": 10, "lo')
    assert (line(client, "runs/digits")["done"], line(client, "runs/digits")["loss"]) == (9, 0.25)
    config.write_text("- " * 100_000)
    assert line(client, "runs/digits")["kind"] is None and "cannot be understood" in line(client, "runs/digits")["error"]


def test_the_end_of_long_numbers_is_enough(client, trained, monkeypatch):
    monkeypatch.setattr(listing, "END", 400)
    with (trained / "runs/digits/metrics.jsonl").open("a") as file:
        file.writelines(f"{json.dumps({'step': step, 'loss': step / 100})}\n" for step in range(3, 90))
    assert (line(client, "runs/digits")["done"], line(client, "runs/digits")["loss"]) == (89, 0.89)


def test_a_run_is_renamed_with_all_that_is_in_it(client, trained):
    weights = (trained / "runs/digits/model.safetensors").read_bytes()
    reply = client.post("/api/models/runs/digits/rename", json={"to": "kept/first"})
    assert reply.status_code == 200 and reply.json() == {"name": "kept/first", "href": "/api/models/kept/first"}
    assert not (trained / "runs/digits").exists() and (trained / "kept/first/model.safetensors").read_bytes() == weights
    assert verify(trained / "kept/first") and client.get("/api/models/kept/first").json()["name"] == "kept/first"


@pytest.mark.parametrize(
    ("name", "to", "status", "words"),
    [
        ("runs/digits", "runs/patients", 409, "runs/patients is there already"),
        ("runs/digits", "digits", 422, "a name with 1 slashes"),
        ("runs/digits", "../digits", 422, "cannot be used"),
        ("runs/digits", "", 422, ""),
        ("runs/none", "runs/new", 404, "runs/none"),
        ("runs", "others", 404, "runs"),
        ("other/file.csv", "other/new.csv", 404, ""),
    ],
)
def test_what_cannot_be_renamed_stays(client, trained, name, to, status, words):
    (trained / "other").mkdir()
    (trained / "other/file.csv").write_text("a\n1\n")
    before = sorted(trained.rglob("*"))
    reply = client.post(f"/api/models/{name}/rename", json={"to": to})
    assert reply.status_code == status and words in reply.json()["detail"]
    assert sorted(path for path in trained.rglob("*") if path.name != "new.csv") == before


def test_a_run_is_deleted_and_nothing_else_is(client, trained):
    (trained / "visits.csv").write_text("a\n1\n")
    for name in ("visits.csv", "runs", "runs/none", "runs/digits/figures"):
        assert client.delete(f"/api/models/{name}").status_code == 404
    assert client.delete("/api/models/runs/digits").status_code == 204
    assert (
        not (trained / "runs/digits").exists()
        and (trained / "runs/patients").is_dir()
        and (trained / "visits.csv").is_file()
    )


@pytest.mark.parametrize("places", [{"writes": ("runs/digits",)}, {"reads": ("runs/digits",)}])
def test_a_run_that_a_job_uses_stays_as_it_is(client, trained, places):
    busy(client, "training", **places)
    for reply in (
        client.delete("/api/models/runs/digits"),
        client.post("/api/models/runs/digits/rename", json={"to": "runs/new"}),
        client.post("/api/models/runs/patients/rename", json={"to": "runs/digits"}),
    ):
        assert reply.status_code == 409 and reply.json()["type"] == "/problems/conflict"
    assert ID in client.delete("/api/models/runs/digits").json()["detail"]
    assert client.get("/api/models/runs/digits/archive").status_code == (409 if "writes" in places else 200)
    assert (trained / "runs/digits/model.safetensors").is_file()


def test_a_run_is_taken_away_as_one_file_that_is_the_same_each_time(client, trained, tmp_path):
    run = trained / "runs/digits"
    for folder in ("checkpoints/step-2", "rows", "notes/deep/deeper/deepest"):
        (run / folder).mkdir(parents=True, exist_ok=True)
        (run / folder / "part").write_text("x")
    reply = client.get("/api/models/runs/digits/archive")
    assert reply.headers["content-type"] == "application/zip" and "digits.zip" in reply.headers["content-disposition"]
    packed = zipfile.ZipFile(io.BytesIO(reply.content))
    assert packed.testzip() is None
    inside = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    kept = {name for name in inside if not name.startswith(("checkpoints/", "rows/"))}
    assert packed.namelist() == [f"digits/{name}" for name in sorted(kept)] and "notes/deep/deeper/deepest/part" in kept
    packed.extractall(tmp_path / "elsewhere")
    assert load(tmp_path / "elsewhere/digits").sample(1, steps=1).shape == load(run).sample(1, steps=1).shape
    for path in run.rglob("*"):
        path.touch()
    assert client.get("/api/models/runs/digits/archive").content == reply.content
    assert (
        client.get("/api/models/runs/archive").status_code == client.get("/api/models/runs/none/archive").status_code == 404
    )


def test_a_run_that_is_not_trained_keeps_its_checkpoints_in_the_archive(client, trained):
    run = trained / "runs/digits"
    (run / "model.safetensors").unlink()
    (run / "checkpoints/step-2").mkdir(parents=True, exist_ok=True)
    (run / "checkpoints/step-2/weights").write_text("x")
    names = [file.name for file in archive.files_of(client.app.state.workspace, "runs/digits")]
    assert "checkpoints/step-2/weights" in names


def test_a_link_in_a_run_leads_nowhere(client, trained, tmp_path):
    (tmp_path / "secret").write_text("s3cret")
    (trained / "runs/digits/link").symlink_to(tmp_path / "secret")
    reply = client.get("/api/models/runs/digits/archive")
    assert b"s3cret" not in reply.content
    assert [each["name"] for each in client.get("/api/models").json()["models"]] == ["runs/patients"]  # as it was


def test_a_model_is_exported_to_another_layout(client, root, monkeypatch):
    from reverie.sources import ImageSource

    monkeypatch.setattr(ImageSource, "show", lambda *_: None)
    tiny = {"training.batch": 8, "network.width": 8, "network.groups": 4}
    body = {"source": "digits", "out": "runs/ours", "recipe": "diffusers", "steps": 1, "size": 16, "settings": tiny}
    reply = client.post("/api/trainings", json=body)
    assert reply.status_code == 200, reply.text
    found = client.post("/api/exports", json={"run": "runs/ours", "out": "exports/ours"}).json()
    assert found["out"] == "exports/ours" and "model_index.json" in found["files"]
    names = zipfile.ZipFile(io.BytesIO(client.get("/api/models/exports/ours/archive").content)).namelist()
    assert names == [f"ours/{name}" for name in found["files"]]
    again = client.post("/api/exports", json={"run": "runs/ours", "out": "runs/ours", "overwrite": True})
    assert again.status_code == 422 and "runs/ours is what is read" in again.json()["detail"]
    assert Path(root / "runs/ours/config.yaml").is_file()
