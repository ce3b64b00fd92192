"""From a run folder to its files: the source is found again and split as in training, or a sentence says why not."""

import json

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import reverie
from reverie.cli.app import app
from reverie.drawing.numbers import number, value
from reverie.errors import DamagedError, DataError, UsageError
from reverie.images import read_images
from reverie.reports import compare
from reverie.reports.document import FILES
from reverie.reports.evidence import patients_evidence

SMALL = {"network.width": 8, "network.layers": 1, "training.batch": 16}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "art"
    reverie.train("pbc2", folder, steps=2, settings=SMALL)
    return folder


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    np.save(folder / "some.npy", read_images("digits").pixels[:150])
    small = {"network.width": 8, "network.blocks": 1, "training.batch": 16, "training.holdout": 0.3}
    reverie.train(folder / "some.npy", folder / "digits", steps=3, settings=small)
    return folder / "digits"


def test_the_source_is_split_as_training_split_it(run):
    model = reverie.load(run)
    found = patients_evidence(model, "pbc2", None, None, 0, None)
    train, held = (set(frame["id"]) for frame in (found.split.train, found.split.holdout))
    assert train and held and not train & held and found.split.seen == ""
    assert len(held) == round(0.2 * 312)


def test_other_data_than_was_trained_on_is_refused(run, tmp_path):
    from reverie.records.reading import BUNDLED

    other = tmp_path / "other.csv"
    pl.read_csv(BUNDLED["pbc2"], infer_schema=False)[:-9].write_csv(other)
    with pytest.raises(DataError, match=r"is not .*, the data that this run was trained on"):
        reverie.report(run, synthetic="pbc2", source=other)


def test_a_source_that_is_not_where_its_name_says_has_to_be_named(tables, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tables[0].write_csv("art.csv")
    reverie.train("art.csv", "run", steps=1, settings=SMALL)
    (tmp_path / "art.csv").rename(tmp_path / "moved.csv")
    with pytest.raises(UsageError, match=r"art\.csv, which this run was trained with, is not here.*--source"):
        reverie.report("run", synthetic="moved.csv")
    model = reverie.load("run")
    assert patients_evidence(model, "moved.csv", None, "moved.csv", 0, None).split.train.height


def test_without_holdout_those_set_aside_stand_in_and_a_sentence_says_so(tmp_path):
    model = reverie.train("pbc2", tmp_path / "run", steps=1, settings=SMALL, holdout=0)
    found = patients_evidence(model, "pbc2", None, None, 0, None)
    assert found.split.holdout.height and "chose when training stopped" in found.split.seen


def test_a_synthetic_table_keeps_its_order_and_its_faults(run, tmp_path):
    from reverie.records.reading import BUNDLED

    model, file = reverie.load(run), tmp_path / "backwards.csv"
    pl.read_csv(BUNDLED["pbc2"], infer_schema=False).reverse().write_csv(file)
    found = patients_evidence(model, file, None, None, 0, None)
    (frame,) = found.synthetic
    assert frame["id"].to_list() == pl.read_csv(BUNDLED["pbc2"])["id"].reverse().to_list()


def test_pictures_have_a_report_that_names_its_features(digits, tmp_path):
    calls = []
    found = reverie.report(digits, out=tmp_path, progress=lambda done, total: calls.append((done, total)))
    assert {name for name in FILES if (tmp_path / name).is_file()} == set(FILES)
    page = (tmp_path / "report.html").read_text()
    assert "features of a small digit classifier" in page and "FID" not in page
    assert found.verdict.of("not")[0].claim == "look and variety"  # three steps of training make no digits
    assert calls == sorted(calls) and calls[-1] == (100, 100)
    told = json.loads((tmp_path / "report.json").read_text())
    assert told == found.json() and len(told["about"]["sha256 of the weights"]) == 64
    assert told["about"]["sha256 of the weights"] in (tmp_path / "card.md").read_text()


def test_two_reports_are_compared_measure_by_measure(digits, tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    for first, folder in enumerate(folders):
        reverie.report(digits, read_images("digits").pixels[1000 + first :: 20], out=folder)
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["report", *map(str, folders), "--out", str(out), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads((out / "comparison.json").read_text())
    assert told["runs"] == ["a", "b"] and json.loads(done.stdout) == told
    names = {m["name"] for m in told["measures"]}
    assert "pictures.fidelity.frechet" in names and all(set(m["of"]) == {"a", "b"} for m in told["measures"])
    page = (out / "comparison.html").read_text()
    assert all(f'data-name="{name}"' in page for name in names)


def test_what_is_no_report_is_not_compared(tmp_path):
    with pytest.raises(UsageError, match="two reports or more"):
        compare([tmp_path])
    with pytest.raises(UsageError, match=r"holds no report\.json"):
        compare([tmp_path, tmp_path])
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(DamagedError, match="not a report"):
        compare([tmp_path, tmp_path])


def test_the_command_refuses_to_overwrite(digits, tmp_path):
    (tmp_path / "card.md").write_text("mine")
    done = CliRunner().invoke(app, ["report", str(digits), "--out", str(tmp_path)])
    assert done.exit_code == 2 or "exists already" in str(done.exception)
    assert (tmp_path / "card.md").read_text() == "mine"


@pytest.mark.parametrize(
    ("x", "unit", "text"),
    [
        (0.1234, "share", "12.3 %"),
        (0.0004, "share", "0.04 %"),
        (1.0, "share", "100 %"),
        (0.98765, "", "0.988"),
        (1234.5, "", "1,234"),
        (-0.00001234, "", "−1.23e−5"),
        (None, "", "–"),
        (0.0, "share", "0 %"),
    ],
)
def test_numbers_are_written_as_a_reader_wants_them(x, unit, text):
    assert value(x, unit).replace("\N{NO-BREAK SPACE}", " ") == text
    assert number(0.5) == "0.5" and number(float("nan")) == "–"


def test_pictures_without_any_held_out_have_a_report_that_says_so(tmp_path):
    model = reverie.train("digits", steps=1, settings={"network.width": 8, "training.batch": 16})
    found = reverie.report(model, synthetic=np.zeros((20, 8, 8, 1), np.uint8), out=tmp_path)
    assert any("one half of the training pictures against the other" in caution for caution in found.cautions)
    fidelity, copies, likelihood = found.sections
    best = {measure.name.split(".")[-1]: measure.ceiling for measure in fidelity.measures}
    assert best["frechet"] > 0 and 0.5 < best["precision"] < 1  # what two halves of ten reach, not what equality would
    assert all(measure.ceiling is None for section in (copies, likelihood) for measure in section.measures)
    assert "The tightest of 3 such bounds: its reverse steps have as their variance" in likelihood.measures[0].how
