"""A model of patients, asked for all that it can be. Its weights are drawn, for these laws hold whatever was learned."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

import reverie
from reverie.config import resolve
from reverie.errors import DamagedError, DataError, UsageError
from reverie.models import PatientModel
from reverie.models.model import untrained
from reverie.records import RecordCodec, Schema, Table, complete, read_table
from reverie.records.fitting import fit
from reverie.records.generate import SHARD
from reverie.samplers.posterior.registry import USUAL
from reverie.sources import TableSource

STEPS = 3
COUNT = 2 * SHARD + 30
REAL = 312
"""The highest identifier of the cohort: those of new patients come after it."""


@pytest.fixture(scope="module")
def table() -> Table:
    return read_table("pbc2").take(range(120))


@pytest.fixture(scope="module")
def model(drawn_model, table: Table) -> PatientModel:
    return drawn_model(table)


@pytest.fixture(scope="module")
def made(model: PatientModel) -> pl.DataFrame:
    return model.sample(COUNT, seed=1, steps=STEPS, workers=1)


@pytest.fixture(scope="module")
def holes(table: Table) -> pl.DataFrame:
    """40 patients, with further cells hidden."""
    frame = table.take(range(40)).frame
    draw = np.random.default_rng(0)
    names = [c.name for c in table.schema.varying]
    return frame.with_columns(
        pl.when(pl.Series(draw.random(len(frame)) < 0.2)).then(None).otherwise(pl.col(name)).alias(name) for name in names
    )


@pytest.fixture(autouse=True)
def one_thread():
    """Threads of torch as they were, whatever a test asked for."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


# --- new patients -------------------------------------------------------------------------------------------------------


def test_a_synthetic_table_looks_like_its_source(model, table, made) -> None:
    assert made.schema == table.frame.schema
    for column in table.schema.columns:
        values = made[column.name].drop_nulls()
        if column.levels:
            assert set(values.cast(pl.String)) <= set(column.levels), column.name
        if not column.missing:
            assert made[column.name].null_count() == 0, column.name
        if column.unit and column.numeric and column.role != "time":
            ratio = values.cast(pl.Float64).to_numpy() / column.unit
            np.testing.assert_allclose(ratio, np.rint(ratio), atol=1e-4, err_msg=column.name)
        for bound, sign in ((column.lower, 1), (column.upper, -1)):
            if bound is not None and column.role in ("static", "varying"):
                assert (sign * (values.cast(pl.Float64) - bound) >= 0).all(), column.name


def test_identifiers_are_new_patients_together_and_times_rise(made, table) -> None:
    who, when = table.schema.identifier.name, table.schema.time.name
    assert made[who].unique(maintain_order=True).to_list() == list(range(REAL + 1, REAL + COUNT + 1))
    assert (made[who].rle_id() + 1).equals(made[who].rank("dense").cast(pl.UInt32))
    assert made.group_by(who).agg((pl.col(when).diff().drop_nulls() > 0).all())[when].all()


def test_statics_are_the_same_at_every_visit(made, table) -> None:
    for column in table.schema.static:
        assert (made.group_by("id").agg(pl.col(column.name).n_unique())[column.name] == 1).all(), column.name


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_same_seed_gives_the_same_bytes_for_any_number_of_workers(model, made, workers: int) -> None:
    again = model.sample(COUNT, seed=1, steps=STEPS, workers=workers)
    assert again.write_csv().encode() == made.write_csv().encode()


def test_another_seed_gives_other_patients(model, made) -> None:
    other, same = (model.sample(40, seed=seed, steps=STEPS).group_by("id", maintain_order=True).first() for seed in (2, 1))
    ages = made.group_by("id", maintain_order=True).first()["age"][:40]
    assert same["age"].equals(ages) and (other["age"] != ages).mean() > 0.9


def test_the_first_patients_are_the_same_when_more_are_asked(model, made) -> None:
    few = model.sample(SHARD, seed=1, steps=STEPS)
    assert few.equals(made.filter(pl.col("id") <= REAL + SHARD))


def test_patients_come_in_shards_that_make_up_the_table(model, made) -> None:
    shards = list(model.shards(COUNT, seed=1, steps=STEPS))
    assert [shard.patients for shard in shards] == [SHARD, SHARD, 30] and all(s.drawn == SHARD for s in shards)
    assert pl.concat([shard.frame for shard in shards]).equals(made)
    clipped = shards[0].clipped
    assert set(clipped) <= set(made.columns) and all(n >= 0 for n in clipped.values())


def test_progress_is_told_in_patients(model) -> None:
    told: list[tuple[int, int]] = []
    model.sample(SHARD + 5, steps=1, on_step=lambda done, total: told.append((done, total)))
    assert told == [(SHARD, SHARD + 5), (SHARD + 5, SHARD + 5)]


# --- conditions ---------------------------------------------------------------------------------------------------------


def test_an_equality_holds_for_all_and_an_inequality_too(model) -> None:
    frame = model.sample(60, where=["sex=male", "age>45", "drug!=placebo"], steps=STEPS)
    assert frame["id"].n_unique() == 60
    assert set(frame["sex"]) == {"male"} and frame["age"].min() > 45 and "placebo" not in set(frame["drug"])


def test_rejected_patients_are_counted(model) -> None:
    (shard,) = model.shards(60, where=["age>45"], steps=STEPS)
    assert shard.drawn > SHARD and shard.patients == 60


def test_an_impossible_condition_is_refused_with_a_count(model, monkeypatch) -> None:
    monkeypatch.setattr("reverie.records.generate.ROUNDS", 2)
    with pytest.raises(UsageError, match=r"of 4,096 patients drawn only 0 met the condition"):
        model.sample(5, where=["age>900"], steps=1)


def test_given_statics_come_back_as_given_in_their_order(model) -> None:
    given = pl.DataFrame({"sex": ["female", "male"] * 10, "age": [40.5 + i for i in range(20)]})
    frame = model.sample(given=given, steps=STEPS)
    firsts = frame.group_by("id", maintain_order=True).first()
    assert firsts["sex"].to_list() == given["sex"].to_list()
    day = model.codec.schema["age"].unit  # as the source, ages are told to the day
    np.testing.assert_allclose(firsts["age"], given["age"], atol=day / 2 + 1e-6)


def test_given_statics_fix_how_many_patients_there_are(model) -> None:
    with pytest.raises(UsageError, match="statics of 2 patients are given, so 5 cannot be made"):
        model.sample(5, given=pl.DataFrame({"age": [50.0, 60.0]}))


def test_guidance_changes_the_patients_and_not_what_they_are_given(model) -> None:
    plain, same, strong = (model.sample(30, seed=4, where="sex=female", guidance=g, steps=STEPS) for g in (1, 1.0, 4.0))
    assert plain.equals(same) and not plain["albumin"].equals(strong["albumin"])
    assert set(strong["sex"]) == {"female"}


@pytest.mark.parametrize("count", [0, -1, 2.5, True, None])
def test_a_count_that_is_none_is_refused(model, count) -> None:
    with pytest.raises(UsageError, match="count must be a whole number above 0"):
        model.sample(count)


# --- given records ------------------------------------------------------------------------------------------------------


def test_imputation_fills_every_hole_and_touches_nothing_else(model, holes) -> None:
    names = [c.name for c in (*model.codec.schema.static, *model.codec.schema.varying)]
    assert sum(holes.select(names).null_count().row(0)) > 200
    for frame in model.impute(holes, draws=2, steps=STEPS):
        assert frame.schema == holes.schema and sum(frame.select(names).null_count().row(0)) == 0
        for name in holes.columns:
            there = holes[name].is_not_null()
            kept, was = frame[name].filter(there), holes[name].filter(there)
            same = kept.to_numpy().tobytes() == was.to_numpy().tobytes() if was.dtype.is_numeric() else kept.equals(was)
            assert same, f"{name} was changed where it was given"


def test_imputed_values_are_of_the_column_s_kind(model, holes) -> None:
    (frame,) = model.impute(holes, steps=STEPS)
    for column in model.codec.schema.varying:
        if column.levels:
            assert set(frame[column.name].cast(pl.String)) <= set(column.levels)


def test_draws_differ_and_seeds_repeat(model, holes) -> None:
    one, two = model.impute(holes, draws=2, seed=3, steps=STEPS)
    hole = holes["serChol"].is_null()
    assert (one["serChol"].filter(hole) != two["serChol"].filter(hole)).mean() > 0.9
    again = model.impute(holes, draws=1, seed=3, steps=STEPS)[0]
    assert again.equals(one), "the first draw does not depend on how many follow"


@pytest.mark.parametrize("visits", [None, 2])
def test_any_block_alone_is_that_block_of_the_whole(model, holes, monkeypatch, visits) -> None:
    """Whoever makes it, and however many threads make the rest: p is a function of (seed, draw, block)."""
    monkeypatch.setattr(complete, "BLOCK", 7)
    table = fit(holes, model.codec.schema).table
    options = {"draws": 2, "seed": 3, "steps": STEPS}
    whole = [
        model.filled(table, workers=n, **options) if visits is None else model.continued(table, visits, workers=n, **options)
        for n in (1, 3)
    ]
    assert all(one.equals(other) for one, other in zip(*whole, strict=True)), "the number of threads changed a draw"
    parts = complete.blocks(table)
    assert [len(part) for part in parts[:-1]] == [7] * (len(parts) - 1) and sum(map(len, parts)) == len(table)
    rows = np.cumsum([0] + [len(part.frame) + (visits or 0) * len(part) for part in parts])
    alone = model.completing(visits, 3, steps=STEPS)
    for draw, number in ((0, 0), (1, 2), (1, len(parts) - 1)):
        made = alone(parts[number], number, draw)
        assert made.equals(whole[0][draw][rows[number] : rows[number + 1]])


def test_completing_a_block_takes_the_memory_of_the_block_and_not_of_the_longest_record(model, monkeypatch) -> None:
    """One patient of very many visits pads only those of the same block."""
    monkeypatch.setattr(complete, "BLOCK", 4)
    padded = []
    monkeypatch.setattr(
        model.codec.__class__,
        "drawn",
        lambda self, records, *a, real=model.codec.__class__.drawn: (
            padded.append(records.values.shape) or real(self, records, *a)
        ),
    )
    long = pl.DataFrame({"id": [1] * 60 + [*range(2, 21)], "year": [*(0.1 * i for i in range(60)), *[0.0] * 19]})
    frame = long.with_columns(pl.lit(None, pl.Float64).alias("albumin"), pl.lit("f").alias("sex"))
    (made,) = model.impute(frame.drop("sex"), steps=1, columns=["albumin"])
    assert made.height == 79 and sorted(shape[:2] for shape in padded) == [(4, 2)] * 4 + [(4, 61)]


def test_a_forecast_adds_later_visits_and_leaves_the_past(model, holes) -> None:
    (frame,) = model.forecast(holes, visits=3, steps=STEPS)
    past, new = frame.group_by("id", maintain_order=True), frame.group_by("id", maintain_order=True).tail(3)
    lengths, before = past.len()["len"], holes.group_by("id", maintain_order=True).len()["len"]
    assert (lengths == before + 3).all() and len(new) == 3 * len(before)
    kept = frame.with_columns(pl.int_range(pl.len()).over("id").alias("n"), pl.len().over("id").alias("all"))
    assert kept.filter(pl.col("n") < pl.col("all") - 3).drop("n", "all").equals(holes)
    assert frame.group_by("id").agg((pl.col("year").diff().drop_nulls() > 0).all())["year"].all()
    statics = [c.name for c in model.codec.schema.static]
    assert (frame.group_by("id").agg(pl.col(name).n_unique() for name in statics).drop("id").max_horizontal() == 1).all()


def test_a_table_that_differs_is_completed_and_one_without_time_or_any_column_is_refused(model, holes) -> None:
    odd = holes.with_columns(edema=pl.when(pl.int_range(pl.len()) == 3).then(pl.lit("violet")).otherwise("edema"))
    (frame,) = model.impute(odd, steps=STEPS)
    assert frame["edema"][3] == "violet" and frame["albumin"].null_count() == 0
    (frame,) = model.impute(holes.drop("albumin"), steps=STEPS)
    assert frame.columns == [*holes.drop("albumin").columns, "albumin"] and frame["albumin"].null_count() == 0
    with pytest.raises(DataError, match=r"no column 'year'.*which says when"):
        model.impute(holes.drop("year"))
    with pytest.raises(DataError, match="none of the columns that the model has learned"):
        model.impute(holes.select("id", "year"))


def test_only_the_columns_that_are_named_are_filled(model, holes) -> None:
    (frame,) = model.impute(holes, columns=["serChol"], steps=STEPS)
    assert frame["serChol"].null_count() == 0 and frame["platelets"].null_count() == holes["platelets"].null_count() > 0
    with pytest.raises(UsageError, match="did you mean 'serChol'"):
        model.impute(holes, columns=["serchol"])
    with pytest.raises(UsageError, match="'id' is not learned"):
        model.impute(holes, columns=["id"])


def test_impossible_numbers_are_refused(model, holes) -> None:
    with pytest.raises(UsageError, match="draws must be"):
        model.impute(holes, draws=0)
    with pytest.raises(UsageError, match="visits must be"):
        model.forecast(holes, visits=0)
    with pytest.raises(UsageError, match="did you mean 'dpmpp'"):
        model.sample(3, sampler="dpmp")


# --- the published recipe -----------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::reverie.process.TerminalSNRWarning")
def test_a_model_that_makes_whole_records_completes_tables_by_guidance_and_takes_no_statics(table, holes) -> None:
    settings = {"network.width": 16, "network.embedding": 8, "network.levels": 2, "network.groups": 4}
    config = resolve(TableSource(table).about, 0, "health-gym", settings | {"training.precision": "fp32"})
    codec = RecordCodec.fit(table, config.codec)
    network = untrained(config, codec.channels)
    network.module.eval()
    model = PatientModel(config, codec, network)
    one, two = (model.sample(60, seed=1, steps=2, workers=workers) for workers in (1, 2))
    assert one.equals(two) and one.schema == table.frame.schema and one["id"].n_unique() == 60
    assert one.group_by("id").agg((pl.col("year").diff().drop_nulls() >= 0).all())["year"].all()
    assert model.keeping() == USUAL
    for method in (None, "repaint", "twisted", "gibbs"):
        (filled,) = model.impute(holes, steps=2, method=method)
        for name in holes.columns:
            assert filled[name].filter(holes[name].is_not_null()).equals(holes[name].drop_nulls()), f"{name} was changed"
        assert sum(filled.null_count().row(0)) < 0.1 * sum(holes.null_count().row(0))  # rules may leave some empty
    (longer,) = model.forecast(holes, 2, steps=2)
    assert longer.height == holes.height + 2 * holes["id"].n_unique()
    for words, ask in {
        "recipe records": lambda: model.sample(5, where="sex=male"),
        "was trained on whole records": lambda: model.impute(holes, method="learned"),
        "gibbs_shared draws for one": lambda: model.impute(holes, method="gibbs_shared"),
        "did you mean 'mmps'": lambda: model.impute(holes, method="mpms"),
        "takes no sampler": lambda: model.impute(holes, method="dps", sampler="ddim"),
        "gives it none": lambda: model.impute(holes, guidance=2.0),
    }.items():
        with pytest.raises(UsageError, match=words):
            ask()


# --- the folder ---------------------------------------------------------------------------------------------------------


def test_a_model_that_was_saved_and_loaded_makes_the_same_patients(model, tmp_path) -> None:
    loaded = reverie.load(model.save(tmp_path / "run"))
    assert isinstance(loaded, PatientModel) and loaded.config == model.config
    assert loaded.codec.config == model.codec.config and isinstance(loaded.codec.schema, Schema)
    assert loaded.sample(40, seed=9, steps=STEPS).equals(model.sample(40, seed=9, steps=STEPS))


@pytest.fixture(scope="module")
def right(model, table) -> PatientModel:
    return model.calibrated(table.take(range(40)))


def test_what_puts_draws_right_is_kept_sealed_and_is_not_needed(right, tmp_path) -> None:
    run = right.save(tmp_path / "run")
    drawn = right.sample(40, seed=9, steps=STEPS)
    assert reverie.load(run).sample(40, seed=9, steps=STEPS).equals(drawn)  # pyright: ignore[reportAttributeAccessIssue]
    (run / "calibration.json").write_text("{}")
    with pytest.raises(DamagedError, match=r"calibration\.json is damaged"):
        reverie.load(run)
    plain = replace(right, calibration=None)
    loaded = reverie.load(plain.save(run))  # what is not sealed is not read
    assert isinstance(loaded, PatientModel) and loaded.calibration is None
    assert not loaded.sample(40, seed=9, steps=STEPS).equals(drawn)


def test_with_differential_privacy_nothing_is_put_right_and_that_is_said(model, table) -> None:
    private = model.config.training.model_copy(update={"epsilon": 8.0})
    told: list[str] = []
    with_epsilon = replace(model, config=model.config.model_copy(update={"training": private}))
    done = TableSource(table).finished(with_epsilon, TableSource(table).split(model.config), told.append)
    assert done.calibration is None and "epsilon" in told[0]


def test_patients_put_right_are_the_same_by_any_number_of_workers(right) -> None:
    one, two = (right.sample(SHARD + 20, seed=3, steps=2, workers=workers) for workers in (1, 2))
    assert one.equals(two)


@pytest.mark.parametrize("hurt", ["truncate", "flip", "resealed"])
def test_a_damaged_codec_is_named(model, tmp_path: Path, hurt: str) -> None:
    run = model.save(tmp_path / "run")
    path = run / "codec.json"
    if hurt == "truncate":
        path.write_bytes(path.read_bytes()[:-20])
    elif hurt == "flip":
        path.write_text(path.read_text().replace("normal-score", "normal_score", 1))
    else:  # somebody edited it and sealed it again: whole by its hash, but it makes no sense
        from reverie.manifest import seal

        about = json.loads(path.read_text())
        del about["codes"]["value:albumin"]["kind"]
        path.write_text(json.dumps(about))
        seal(run, ("config.yaml", "codec.json", "model.safetensors"))
    with pytest.raises(DamagedError, match=r"codec\.json"):
        reverie.load(run)
