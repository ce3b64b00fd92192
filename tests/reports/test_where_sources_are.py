"""A run finds what it was trained on, from wherever it is asked, however it was trained, and when both are moved."""

import json
import shutil

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

import reverie
from reverie import config
from reverie.cli.app import app
from reverie.errors import DataError
from reverie.images import read_images
from reverie.models import PatientModel
from reverie.records import read_table
from reverie.reports.evidence import again, patients_evidence, the_same
from reverie.reports.pictures import trained_on

SMALL = {
    "table": {"network.width": 8, "network.layers": 1, "training.batch": 16},
    "pictures": {"network.width": 8, "network.groups": 4, "network.blocks": 1, "training.batch": 16},
}


@pytest.fixture
def source(request, tmp_path):
    """A file in a folder of its own."""
    folder = tmp_path / "data"
    folder.mkdir()
    if request.param == "table":
        patients = read_table("pbc2")
        patients.take(range(24)).frame.write_csv(folder / "visits.csv")
        patients.take(range(24, 27)).frame.write_csv(folder / "others.csv")
        return folder / "visits.csv"
    np.save(folder / "some.npy", read_images("digits").pixels[:60])
    return folder / "some.npy"


def by_command(source, run):
    settings = [part for key, value in SMALL[_kind(source)].items() for part in ("--set", f"{key}={value}")]
    holdout = ["--holdout", str(source.parent / "others.csv")] if _kind(source) == "table" else []
    done = CliRunner().invoke(app, ["train", str(source), "--out", str(run), "--steps", "2", *settings, *holdout])
    assert done.exit_code == 0, done.output


def by_name(source, run):
    reverie.train(str(source), run, steps=2, settings=SMALL[_kind(source)])


def by_table(source, run):
    read = read_table if _kind(source) == "table" else read_images
    reverie.train(read(source), run, steps=2, settings=SMALL[_kind(source)])


def _kind(source):
    return "table" if source.suffix == ".csv" else "pictures"


def found(run):
    """Where the source was found, once it has been read there."""
    model = reverie.load(run)
    if isinstance(model, PatientModel):
        evidence = patients_evidence(model, again(model.config.source, "--source"), None, None, 0, None)
        assert evidence.split.train.height
    else:
        assert len(trained_on(model, None))
    return again(model.config.source, "--source")


@pytest.mark.parametrize("source", ["table", "pictures"], indirect=True)
@pytest.mark.parametrize("train", [by_command, by_name, by_table])
def test_a_file_in_another_folder_is_found_from_elsewhere(source, train, tmp_path, monkeypatch):
    monkeypatch.chdir(source.parent)
    train(source.relative_to(source.parent) if train is not by_command else source, tmp_path / "runs" / "run")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert found(tmp_path / "runs" / "run") == str(source)


@pytest.mark.parametrize("source", ["table", "pictures"], indirect=True)
def test_a_run_and_its_source_can_be_moved_together(source, tmp_path, monkeypatch):
    by_command(source, tmp_path / "runs" / "run")
    (tmp_path / "elsewhere").mkdir()
    for name in ("data", "runs"):
        shutil.move(tmp_path / name, tmp_path / "elsewhere" / name)
    assert found(tmp_path / "elsewhere/runs/run") == str(tmp_path / "elsewhere/data" / source.name)
    told = yaml.safe_load((tmp_path / "elsewhere/runs/run/config.yaml").read_text())
    assert told["source"]["path"] == f"../../data/{source.name}", "no place of this machine is told"
    if told["holdout"]:
        assert config.read(tmp_path / "elsewhere/runs/run").holdout.path == str(tmp_path / "elsewhere/data/others.csv")


@pytest.mark.parametrize("source", ["table", "pictures"], indirect=True)
def test_the_three_commands_of_the_readme_work_on_a_file_of_ones_own(source, tmp_path, monkeypatch):
    run, elsewhere = tmp_path / "runs" / "run", tmp_path / "elsewhere"
    by_command(source, run)
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    out = "new.csv" if _kind(source) == "table" else "new.png"
    for command in (["sample", str(run), "--count", "8", "--out", out], ["report", str(run), "--json"]):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["about"]["source"] in (source.name, str(source))
    assert (run / "report.html").is_file()


def test_what_was_named_in_place_of_the_source_is_what_is_refused():
    trained, read = (config.Source(name=name, fingerprint=name * 20) for name in ("digits", "others"))
    the_same(trained, trained)
    with pytest.raises(DataError, match=r"others is not digits, the data that this run was trained on .*`source`"):
        the_same(trained, read)
