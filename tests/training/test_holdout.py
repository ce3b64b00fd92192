"""The holdout: patients that nothing is fitted, stopped or chosen on, found again from the table and the seed alone."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import reverie
from reverie import config as configs
from reverie.cli import main
from reverie.errors import DataError, UsageError
from reverie.records import read_table
from reverie.sources import ImageSource, TableSource

SMALL = {"network.width": 8, "network.layers": 1, "batch": 8}


@pytest.fixture(scope="module")
def table():
    return read_table("pbc2").take(range(40))


def config(table, seed=0, **settings):
    return configs.resolve(TableSource(table).about, seed, "records", settings)


def ids(*tables):
    return [set(t.frame["id"]) for t in tables if t is not None]


def test_every_patient_is_in_one_part_and_the_default_holds_a_fifth_out(table):
    train, aside, holdout = TableSource(table).split(config(table))
    assert (len(holdout), len(aside), len(train)) == (8, 3, 29)
    found = ids(train, aside, holdout)
    assert set().union(*found) == ids(table)[0] and sum(map(len, found)) == len(table)


def test_the_parts_are_a_function_of_the_table_and_the_seed(table):
    again = read_table(table.frame, table.schema)
    first, second = (TableSource(t).split(config(t, seed=3)) for t in (table, again))
    assert [t.fingerprint for t in first if t] == [t.fingerprint for t in second if t]
    assert ids(first.holdout) != ids(TableSource(table).split(config(table, seed=4)).holdout)


def test_the_holdout_does_not_depend_on_how_many_are_set_aside(table):
    without, half = (TableSource(table).split(config(table, aside=share)) for share in (0.0, 0.5))
    assert ids(without.holdout) == ids(half.holdout) and without.validation is None
    assert ids(without.train)[0] == ids(half.train)[0] | ids(half.validation)[0]


def test_training_sees_no_value_of_the_holdout(table, tmp_path):
    """With other values in their place the same model comes out, to the last bit."""
    key = table.schema.identifier.name
    held = sorted(ids(TableSource(table).split(config(table)).holdout)[0])
    middle = {c.name: table.frame[c.name].median() for c in table.schema.varying if c.kind == "real"}
    other = table.frame.with_columns(
        pl.when(pl.col(key).is_in(held)).then(pl.lit(value)).otherwise(pl.col(name)).alias(name)
        for name, value in middle.items()
    )
    assert not other.equals(table.frame)
    changed = read_table(other, table.schema)
    first, second = (reverie.train(t, tmp_path / n, steps=3, settings=SMALL) for n, t in (("a", table), ("b", changed)))
    for name, weights in first.denoiser.module.state_dict().items():
        assert (weights == second.denoiser.module.state_dict()[name]).all()
    fitted = [{k: v for k, v in model.codec.config.items() if k != "schema"} for model in (first, second)]
    assert fitted[0] == fitted[1]


def test_a_file_is_held_out_in_the_place_of_a_share(table, tmp_path):
    rest, others = table.take(range(30)), table.take(range(30, 40))
    others.frame.write_csv(tmp_path / "others.csv")
    model = reverie.train(rest, tmp_path / "run", steps=1, settings=SMALL, holdout=tmp_path / "others.csv")
    written = configs.read(tmp_path / "run")
    assert written == model.config and written.training.holdout == 0
    assert written.holdout is not None and written.holdout.fingerprint == others.fingerprint
    train, aside, holdout = TableSource.read(rest, holdout=tmp_path / "others.csv").split(written)
    assert aside is not None and len(train) + len(aside) == 30 and ids(holdout) == ids(others)


def test_resuming_with_another_holdout_is_refused(table, tmp_path):
    reverie.train(table, tmp_path / "run", steps=1, settings=SMALL)
    with pytest.raises(UsageError, match=r"holdout: 0\.2 there, 0\.5 here"):
        reverie.train(table, tmp_path / "run", steps=1, settings=SMALL, holdout=0.5, resume=True)


@pytest.mark.parametrize("holdout", [1.0, -0.1, float("nan")])
def test_a_share_that_is_none_is_refused(table, tmp_path, holdout):
    with pytest.raises(UsageError, match=r"training\.holdout"):
        reverie.train(table, tmp_path / "run", steps=1, settings=SMALL, holdout=holdout)


def test_what_does_not_go_together_is_refused(table, tmp_path):
    others = table.take(range(35, 40))
    with pytest.raises(DataError, match="patient '36' is in"):
        reverie.train(table, tmp_path / "run", steps=1, holdout=others)
    with pytest.raises(UsageError, match="give one of them"):
        reverie.train(table.take(range(30)), tmp_path / "run", steps=1, settings={"holdout": 0.1}, holdout=others)
    with pytest.raises(DataError, match="`holdout=0`"):
        reverie.train(table.take([0]), tmp_path / "run", steps=1)
    with pytest.raises(UsageError, match="of pictures a share is held out"):
        reverie.train("digits", tmp_path / "run", steps=1, holdout="others.csv")


def test_pictures_can_be_held_out_too():
    pictures = ImageSource.read("digits", size=None, channels=None)
    told = configs.resolve(pictures.about, 0, "pictures", {"holdout": 0.25, "aside": 0.1})
    rest, aside, holdout = pictures.split(told)
    assert sorted(np.concatenate([rest, aside, holdout])) == list(range(len(pictures)))
    assert len(holdout) == round(len(pictures) / 4) and len(aside) == round(0.1 * (len(pictures) - len(holdout)))
    parts = pictures.split(told)
    examples, judged = pictures.examples(told, parts, pictures.fit_codec(told, parts, print))
    assert judged is not None and (len(examples), len(judged)) == (len(rest), len(aside))


def test_the_command_takes_a_share_or_a_file(table, tmp_path, capsys):
    table.take(range(30)).frame.write_csv(tmp_path / "visits.csv")
    table.take(range(30, 40)).frame.write_csv(tmp_path / "others.csv")
    small = ["--steps", "1", "--set", "width=8", "--set", "layers=1", "--json"]
    for told, count in (("0.5", 15), ("0", 0), (str(tmp_path / "others.csv"), 10)):
        with pytest.raises(SystemExit) as ended:
            main(
                ["train", str(tmp_path / "visits.csv"), "--out", str(tmp_path / "run"), "--force", "--holdout", told, *small]
            )
        assert not ended.value.code and f'"held_out": {count}' in capsys.readouterr().out


def test_the_command_holds_a_share_of_pictures_out(tmp_path, capsys):
    small = ["--steps", "1", "--set", "network.width=8", "--set", "batch=16", "--json"]
    with pytest.raises(SystemExit) as ended:
        main(["train", "digits", "--out", str(tmp_path / "run"), "--holdout", "0.1", *small])
    assert not ended.value.code and configs.read(tmp_path / "run").training.holdout == 0.1
    with pytest.raises(SystemExit) as ended:
        main(["train", "digits", "--out", str(tmp_path / "other"), "--holdout", "others", *small])
    assert ended.value.code == 2 and "of pictures a share is held out" in capsys.readouterr().err
