"""What a model makes by the engine ray is, to the byte, what it makes on this machine."""

from contextlib import nullcontext

import polars as pl
import pytest

import reverie
from reverie import export
from reverie.errors import UsageError
from reverie.evaluation import areas
from reverie.records import complete as records_complete
from reverie.records import read_table
from reverie.reports import build, evidence
from reverie.shards import InProcess
from reverie.shards.ray import Ray


@pytest.fixture(scope="module")
def joined(cluster):
    """The engine, connected once for all of these: workers that have torch take the next task too."""
    with pytest.MonkeyPatch.context() as patch, Ray(cluster).connected() as ray:
        patch.setattr(Ray, "connected", lambda self: nullcontext(ray))
        yield Ray(cluster)


@pytest.fixture(scope="module")
def patients(drawn_model, tmp_path_factory):
    """A model of patients, in a folder."""
    return reverie.load(drawn_model(read_table("pbc2").take(range(60))).save(tmp_path_factory.mktemp("runs") / "pbc"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A model of pictures, in a folder."""
    small = {"network.width": 8, "network.groups": 4, "network.blocks": 1, "training.batch": 16}
    run = tmp_path_factory.mktemp("runs") / "digits"
    reverie.train("digits", out=run, steps=1, settings=small)
    return reverie.load(run)


@pytest.mark.parametrize("what", ["patients", "pictures"])
def test_samples_are_those_of_this_machine(joined, bytes_of, what, tmp_path, request):
    model, count, size = {"patients": ("patients", 2100, 2048), "pictures": ("pictures", 150, 64)}[what]
    model = request.getfixturevalue(model)
    for folder, how in (("here", InProcess()), ("there", joined)):
        model.sample_to(tmp_path / folder, count, seed=3, shard_size=size, steps=1, engine=how)
    made = bytes_of(tmp_path / "there")
    assert made == bytes_of(tmp_path / "here") and len([name for name in made if name.endswith(".parquet")]) > 1


@pytest.mark.parametrize("forecast", [None, 2])
def test_completed_tables_are_those_of_this_machine(joined, bytes_of, patients, tmp_path, monkeypatch, forecast):
    monkeypatch.setattr(records_complete, "BLOCK", 16)
    given = read_table("pbc2").take(range(40)).frame.with_columns(albumin=pl.lit(None, pl.Float64))
    files = []
    engines = {"here": None, "processes": InProcess()} | ({} if forecast else {"there": joined})
    for folder, how in engines.items():
        scratch = tmp_path / ".scratch"
        done = export.complete(patients, given, 2, forecast, 5, {"steps": 1}, engine=how, scratch=scratch)
        (tmp_path / folder).mkdir()
        for name in ("whole.csv", "whole.parquet"):
            done.write(tmp_path / folder / name)
        assert not scratch.exists()
        files.append(bytes_of(tmp_path / folder))
    assert all(made == files[0] for made in files) and len(files[0]) == 2


def test_a_report_is_that_of_this_machine_to_the_byte(joined, bytes_of, patients, tmp_path, monkeypatch):
    cohort = read_table("pbc2")
    how = {"synthetic": cohort.take(range(200, 260)).frame, "holdout": cohort.take(range(60, 120)).frame}
    named = [area for area in areas.AREAS if area.name in ("logic", "fidelity.columns", "privacy.linkage", "privacy.copies")]
    heard = []
    monkeypatch.setattr(build, "AREAS", named)
    monkeypatch.setattr(evidence, "the_same", lambda *_: None)
    how |= {"source": cohort.take(range(60)).frame}
    here = reverie.report(patients, out=tmp_path / "here", **how)
    reverie.report(patients, out=tmp_path / "there", engine=joined, progress=lambda *n: heard.append(n), **how)
    assert bytes_of(tmp_path / "here") == bytes_of(tmp_path / "there")
    assert [s.name for s in here.sections] == [area.name for area in named] and heard[-1] == (100, 100)
    with pytest.raises(UsageError, match="an engine makes reports on patients, beside their folder"):
        reverie.report(patients, engine=joined, **how)
