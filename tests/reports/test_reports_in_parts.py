"""A report on tables beyond memory: what was trained on in parts is split as it would be in memory, and a folder that
sampling wrote is read file by file, each as it was made or not at all."""

import shutil
from pathlib import Path

import polars as pl
import pytest

import reverie
from reverie.errors import DamagedError, DataError, UsageError
from reverie.evaluation.tables import Tables
from reverie.records.cohort import simulate_art4hiv
from reverie.reports import evidence, given
from reverie.reports.evidence import patients_evidence
from reverie.reports.given import Given
from reverie.shards import MANIFEST
from reverie.sources import TableSource


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """150 patients in three Parquet files that cut through patients."""
    folder = tmp_path_factory.mktemp("registry")
    visits = simulate_art4hiv(150, 4, seed=1).with_columns(pl.col("PatientID") + 1)
    for number, part in enumerate(visits.iter_slices(205)):
        part.write_parquet(folder / f"{number}.parquet")
    return folder


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    settings = {"network.width": 16, "training.aside": 0.1}
    reverie.train(folder, out, stream=True, steps=2, settings=settings)
    return out


@pytest.fixture(scope="module")
def model(run):
    return reverie.load(run)


@pytest.fixture(scope="module")
def sampled(model, tmp_path_factory) -> Path:
    """2,100 patients in two files."""
    folder = tmp_path_factory.mktemp("sampled") / "made"
    model.sample_to(folder, 2100, seed=3, shard_size=2048)
    return folder


@pytest.fixture
def dataset(sampled, tmp_path) -> Path:
    return shutil.copytree(sampled, tmp_path / "made")


def test_patients_of_a_run_that_was_trained_in_parts_are_those_of_the_table_in_memory(model, folder, run):
    found = patients_evidence(model, None, None, None, 0, None, run / "rows")
    tables = Tables.read(found.split, model.sample(60, seed=1), model.codec.schema)
    train, _, held = TableSource.read(folder, model.codec.schema).split(model.config)
    assert held is not None and len(held) > 10
    assert tables.split.train.equals(train.frame) and tables.split.holdout.equals(held.frame)
    assert tables.counts.train.patients == len(train) and tables.counts.holdout.rows == held.frame.height


def test_a_report_on_a_run_that_was_trained_in_parts_says_on_how_many_patients_it_rests(run, model, tmp_path, monkeypatch):
    from reverie.evaluation import passes
    from reverie.evaluation.sample import Sample
    from reverie.reports import build

    monkeypatch.setattr(evidence, "MADE", 60)
    monkeypatch.setattr(passes, "Sample", lambda identifier, seed: Sample(identifier, seed, (40, 100_000)))
    monkeypatch.setattr(build, "AREAS", [area for area in build.AREAS if area.name in ("logic", "privacy.copies")])
    report = reverie.report(run, out=tmp_path)
    train = report.about["training patients"]
    assert report.about["synthetic patients"] == 60 and train > 100
    assert report.about["synthetic"] == "60 patients sampled for this report with seed 0 and the model's usual sampler"
    note = f"60 patients were made for this report, and not as many as the {train} trained on"
    assert any(note in told for told in report.about["notes"])
    told = "counted over all; all else rests on 40 training, "
    assert (
        told in report.verdict.headline and "40 synthetic patients drawn at random by the seed." in report.verdict.headline
    )
    assert told in (tmp_path / "report.html").read_text()


def test_a_folder_that_sampling_wrote_is_read_file_by_file_and_is_the_table_that_was_sampled(model, dataset):
    table = Given.of(dataset, model.codec.schema)
    parts = [part.select(model.codec.schema.names) for part in table]
    assert [part["PatientID"].n_unique() for part in parts] == [2048, 52]
    (whole,) = Given.of(model.sample(2100, seed=3), model.codec.schema)
    assert pl.concat(parts).equals(whole)
    assert table.made_by(model) == ", sampled with seed 3 from this model"


@pytest.mark.parametrize("fault", ["changed", "missing", "manifest", "unwhole", "pictures"])
def test_a_folder_that_is_not_as_it_was_made_is_refused_in_a_sentence(model, dataset, fault):
    file, manifest = dataset / "part-00001.parquet", dataset / MANIFEST
    if fault == "changed":
        pl.read_parquet(file).reverse().write_parquet(file)
    elif fault == "missing":
        file.unlink()
    elif fault == "manifest":
        manifest.write_text(manifest.read_text().replace('"seed": 3', '"seed": 4'))
    elif fault == "unwhole":
        manifest.unlink()
    else:
        from reverie.shards import sealed

        content = sealed.read(manifest)
        assert content is not None
        sealed.write(manifest, content | {"kind": "pictures"})
    said = {
        "changed": (DamagedError, "part-00001.parquet was changed since it was made"),
        "missing": (DamagedError, "part-00001.parquet is missing"),
        "manifest": (DamagedError, "_manifest.json was changed"),
        "unwhole": (DataError, "is not whole"),
        "pictures": (UsageError, "holds pictures, and this run was trained on patients"),
    }[fault]
    with pytest.raises(said[0], match=said[1]):
        list(Given.of(dataset, model.codec.schema))


def test_a_large_table_of_any_making_is_brought_into_parts_of_whole_patients(model, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(given, "IN_MEMORY", 1000)
    table = Given.of(folder, model.codec.schema, tmp_path)
    drawn = Tables.read(patients_evidence(model, folder, None, None, 0, None).split, table, model.codec.schema).drawn
    (whole,) = Given.of(pl.read_parquet(folder / "*.parquet"), model.codec.schema)
    assert drawn.equals(whole)
