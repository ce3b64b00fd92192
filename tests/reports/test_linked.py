"""The report on linked tables: three folders in, the same page, numbers and card as of one table out."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import reverie
from reverie.cli.app import app
from reverie.config import resolve
from reverie.errors import DataError, UsageError
from reverie.evaluation.linked.areas import areas_of
from reverie.records.linked import read_linked
from reverie.reports import linked_report, report, report_on_linked
from reverie.reports.evidence import real_of
from reverie.sources import LinkedSource

HOUR = timedelta(hours=1)


def ward(seed, count=26):
    """Patients with stays, and tests within them."""
    draw = np.random.default_rng(seed)
    stays, labs = [], []
    for p in range(count):
        for s in range(1 + int(draw.integers(0, 3))):
            begin = datetime(2024, 1, 1) + timedelta(days=30 * s + int(draw.integers(0, 20)))
            key, hours = f"S{seed}-{p}-{s}", int(draw.integers(30, 80))
            stays.append(
                (key, f"P{seed}-{p}", begin, begin + timedelta(hours=hours), "ward" if draw.random() < 0.5 else "icu")
            )
            for _ in range(int(draw.integers(1, 6))):
                at = begin + timedelta(hours=int(draw.integers(0, hours)))
                labs.append((key, "K" if draw.random() < 0.5 else "Na", at, round(float(draw.normal(5, 1)), 1)))
    return {
        "patients": pl.DataFrame({"patient_id": [f"P{seed}-{p}" for p in range(count)], "sex": ["F", "M"] * (count // 2)}),
        "stays": pl.DataFrame(stays, schema=["stay_id", "patient_id", "start_time", "end_time", "type"], orient="row"),
        "labs": pl.DataFrame(labs, schema=["stay_id", "test", "charttime", "value"], orient="row").unique(
            maintain_order=True
        ),
    }


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("wards")
    for seed, name in enumerate(("train", "holdout", "made")):
        (place / name).mkdir()
        for table, frame in ward(seed).items():
            frame.write_csv(place / name / f"{table}.csv")
    return place


@pytest.fixture(scope="module")
def run(folders):
    asked = ["report", "made", "--against", "train", "--holdout", "holdout", "--out", "said", "--json"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folders)
        return CliRunner().invoke(app, asked)


def test_the_command_writes_page_numbers_and_card(run, folders):
    assert run.exit_code == 0, run.output
    page = (folders / "said" / "report.html").read_text()
    assert "Keys, and rules across tables" in page and "real, one stay" in page and 'class="stay r"' in page
    assert (folders / "said" / "report.json").exists() and "| labs.test | code |" in (
        folders / "said" / "card.md"
    ).read_text()


def test_the_same_three_folders_make_the_same_report(run, folders):
    report = linked_report(folders / "train", folders / "holdout", folders / "made")
    assert report.html() == (folders / "said" / "report.html").read_text()
    names = [section.name for section in report.sections]
    assert names[0] == "logic.linked" and {"tables.patients", "tables.stays", "tables.labs"} <= set(names)
    assert not [m.name for section in report.sections for m in section.measures if m.verdict == "fault"]
    assert report.about["synthetic patients"] == 26 and "tables together" in {s.claim for s in report.verdict.sentences}


def test_without_held_out_patients_no_attack_is_judged():
    train, made = (read_linked(ward(seed), name=name) for seed, name in ((0, "train"), (2, "made")))
    report = report_on_linked(train, None, made)
    privacy = [m for s in report.sections if s.name in ("privacy.nearest", "privacy.membership") for m in s.measures]
    assert privacy and {m.verdict for m in privacy} == {"unknown"} and "0 held-out patients" in privacy[0].why


def test_what_does_not_go_with_linked_tables_is_said(folders, monkeypatch):
    monkeypatch.chdir(folders)
    for more, said in ((["--source", "train"], "--source is for a run"), ([], "name it with `out`")):
        refused = CliRunner().invoke(app, ["report", "made", "--against", "train", *more])
        assert isinstance(refused.exception, UsageError) and said in str(refused.exception)
    with pytest.raises(UsageError, match="unknown table of the synthetic tables 'labs'"):
        frames = ward(2)
        del frames["labs"]
        linked_report(ward(0), ward(1), frames)


def test_keys_of_synthetic_rows_that_stand_twice_are_counted_and_named():
    frames = ward(2)
    for table, key in (("stays", "stay_id"), ("patients", "patient_id")):
        first = pl.int_range(pl.len()) == 0
        frames[table] = frames[table].with_columns(pl.when(first).then(pl.col(key).get(1)).otherwise(key).alias(key))
    report = linked_report(ward(0), ward(1), frames)
    ties = next(m for section in report.sections for m in section.measures if m.name == "logic.linked.ties")
    assert ties.verdict == "fault" and "stays.stay_id (2)" in ties.how and "patients.patient_id (2)" in ties.how
    with pytest.raises(UsageError, match="patients: patient_id is no key"):
        linked_report(ward(0), frames, ward(2))


def test_a_run_is_reported_on_beside_the_patients_that_it_held_out(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    for name, frame in ward(1, 40).items():
        frame.write_csv(tmp_path / "in" / f"{name}.csv")
    settings = {"network.width": 16, "network.layers": 1, "network.heads": 2, "batch": 16}
    reverie.train(tmp_path / "in", out=tmp_path / "run", steps=2, settings=settings)
    monkeypatch.setattr("reverie.reports.linked.areas_of", lambda plan: areas_of(plan)[:1])
    found = report(tmp_path / "run", out=tmp_path / "report")
    assert found.about["source"] == "in" and found.about["training patients"] == 29 and found.about["held-out patients"] == 8
    assert "trained on" not in found.title and (tmp_path / "report" / "report.html").is_file()
    ward(1, 42)["patients"].write_csv(tmp_path / "in" / "patients.csv")
    with pytest.raises(DataError, match="not the data"):
        report(tmp_path / "run")


def test_patients_who_were_held_out_are_those_of_the_report(folders):
    source = LinkedSource.read(folders / "train", holdout=folders / "holdout")
    noted, schema = (source.about, source.about_holdout), source.table.schema

    def held_of(settings, apart, given):
        config = resolve(noted[0], 0, "linked", settings, noted[1] if apart else None)
        _, train, held, seen = real_of(config, LinkedSource.read, schema, given, None, None)
        return len(train), set(held.frames["patients"]["patient_id"].str.slice(0, 2)), seen

    aside = {"aside": 0.1}
    assert held_of(aside, True, None) == (23, {"P1"}, "")
    assert held_of(aside | {"holdout": 0.5}, False, None) == (12, {"P0"}, "")
    assert held_of(aside | {"holdout": 0.5}, False, folders / "made") == (12, {"P2"}, "")
    assert "stand in" in held_of(aside | {"holdout": 0.0}, False, None)[2]
