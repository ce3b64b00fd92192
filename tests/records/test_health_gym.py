"""The published clinical recipe, end to end: what goes in comes out in the same look, and nothing is cut unseen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from polars.testing import assert_frame_equal

import reverie
from reverie.denoisers.condition_mask import ConditionMask, check_condition_mask
from reverie.denoisers.network import Network
from reverie.denoisers.registry import recipes
from reverie.errors import UsageError
from reverie.models import PatientModel
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.records import CodecSettings, RecordCodec, Records, read_table
from reverie.records.cohort import simulate_art4hiv
from reverie.records.series import SHARD, TRIES, SeriesSampler
from reverie.samplers import DPMSolver

pytestmark = pytest.mark.filterwarnings("ignore::reverie.process.TerminalSNRWarning")  # the published schedule ends so

SMALL = {"network.width": 32, "network.embedding": 16, "network.levels": 2, "batch": 16, "aside": 0}
CODEC = CodecSettings.model_validate(recipes()["health-gym"]["codec"])


@pytest.fixture(scope="module")
def cohort() -> pl.DataFrame:
    return simulate_art4hiv(40, 12, 0)


@pytest.fixture(scope="module")
def model(cohort: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> PatientModel:
    run = tmp_path_factory.mktemp("runs") / "art"
    trained = reverie.train(cohort, run, steps=30, recipe="health-gym", settings=SMALL)
    assert isinstance(trained, PatientModel)
    return trained


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> PatientModel:
    """Of PBC2: lengths vary, values are missing, visits are not on a grid."""
    run = tmp_path_factory.mktemp("runs") / "pbc"
    trained = reverie.train("pbc2", run, steps=8, recipe="health-gym", settings=SMALL)
    assert isinstance(trained, PatientModel)
    return trained


SAMPLERS = [
    {},
    {"sampler": "dpmpp", "steps": 4},
    {"sampler": "ancestral", "variance": "beta", "steps": 10, "spacing": "linspace"},
]


@pytest.mark.parametrize("how", SAMPLERS, ids=["usual", "dpmpp", "as published"])
def test_synthetic_patients_have_the_look_of_the_source(
    model: PatientModel, cohort: pl.DataFrame, how: dict[str, Any]
) -> None:
    drawn = model.sample(60, seed=3, **how)
    assert drawn.schema == cohort.schema and drawn.height == 60 * 12
    people = drawn.group_by("PatientID", maintain_order=True)
    assert people.agg(pl.col("Timestep"))["Timestep"].to_list() == [list(range(12))] * 60
    for static in ("Gender", "Ethnic"):
        assert people.agg(pl.col(static).n_unique())[static].max() == 1
    for column in ("Gender", "Ethnic", "Base Drug Combo", "Comp. INI", "Comp. NNRTI", "Extra PI", "Drug (M)"):
        assert set(drawn[column]) <= set(cohort[column]) and drawn[column].n_unique() > 1
    for column in ("VL", "CD4", "Rel CD4"):
        assert cohort[column].min() <= drawn[column].min() < drawn[column].max() <= cohort[column].max()  # pyright: ignore


def test_a_patient_does_not_depend_on_how_many_are_made_or_by_how_many_threads(model: PatientModel, tmp_path: Path) -> None:
    many = model.sample(SHARD + 5, seed=1, workers=2)
    assert_frame_equal(model.sample(SHARD + 5, seed=1, workers=1), many)
    assert_frame_equal(model.sample(SHARD + 2, seed=1), many[: 12 * (SHARD + 2)])
    again = reverie.load(model.save(tmp_path / "copy"))
    assert isinstance(again, PatientModel)
    assert_frame_equal(again.sample(SHARD + 5, seed=1), many)
    assert not model.sample(5, seed=2).equals(many[: 12 * 5])


def test_a_shard_alone_is_that_of_the_whole(varied: PatientModel) -> None:
    whole = list(varied.shards(2 * SHARD + 10, seed=4))
    alone = varied.sharded(2 * SHARD + 10, seed=4)
    assert [alone.make(number).frame.equals(whole[number].frame) for number in (2, 0, 1)] == [True] * 3


def test_what_is_clipped_is_counted_and_stands_at_an_end(model: PatientModel, cohort: pl.DataFrame) -> None:
    made = next(model.shards(SHARD, seed=0))
    for column in ("VL", "CD4", "Rel CD4"):
        ends = cohort[column].min(), cohort[column].max()
        at_ends = made.frame[column].is_in(list(ends)).sum()
        assert 0 < made.clipped[column] <= at_ends < made.frame.height
    assert made.drawn == made.kept == made.patients == SHARD


def test_lengths_are_those_of_the_table_and_gaps_go_forward(varied: PatientModel) -> None:
    table = read_table("pbc2")
    drawn = varied.sample(400, seed=0, steps=2)
    again = read_table(drawn, schema=table.schema)
    assert len(again) == 400 and abs(again.lengths.mean() - table.lengths.mean()) < 0.6  # 3 deviations of the mean
    assert again.lengths.min() == table.lengths.min() and again.lengths.max() <= table.lengths.max()
    time, key = table.schema.time.name, table.schema.identifier.name
    assert (drawn.group_by(key).agg(pl.col(time).diff().drop_nulls().min())[time].drop_nulls() > 0).all()
    assert drawn["serChol"].null_count() > 0 and drawn["serBilir"].null_count() == 0


def codec_of(frame: pl.DataFrame) -> tuple[RecordCodec, Records]:
    table = read_table(frame)
    codec = RecordCodec.fit(table, CODEC)
    return codec, codec.encode(table).records(torch.arange(len(table)), None)


class Noisy(torch.nn.Module):
    """Says that x_0 is `spread` times the state, so that some leave [-1, 1]."""

    def __init__(self, spread: float) -> None:
        super().__init__()
        self.spread = torch.nn.Parameter(torch.tensor(spread))
        self.asked: list[ConditionMask] = []

    check = staticmethod(check_condition_mask)

    def forward(self, x_t: torch.Tensor, t: torch.Tensor, given: ConditionMask) -> torch.Tensor:
        self.asked.append(given)
        return torch.where(given.target_mask, self.spread * x_t, 7.0)


def maker(codec: RecordCodec, spread: float, reject: bool) -> SeriesSampler:
    network = Network(GaussianProcess(NoiseSchedule.cosine(10)), Noisy(spread), "clean")
    return SeriesSampler(network, codec, DPMSolver(), [10, 0], reject)


def test_with_rejection_nobody_leaves_the_box_and_who_stayed_is_who_was_drawn_first(cohort: pl.DataFrame) -> None:
    codec, _ = codec_of(cohort)
    free, drawn = maker(codec, 0.4, reject=False).shard(0, SHARD, seed=0)
    kept, redrawn = (judge := maker(codec, 0.4, reject=True)).shard(0, SHARD, seed=0)
    out = judge.outside(free.values, free.visits)
    assert drawn == SHARD and 0 < out.sum() < SHARD and redrawn >= SHARD + out.sum()
    assert torch.equal(free.values[~out], kept.values[~out]) and not torch.equal(free.values[out], kept.values[out])
    assert not judge.outside(kept.values, kept.visits).any()
    assert sum(codec.decode(kept).clipped.values()) == 0 < sum(codec.decode(free).clipped.values())


def test_rejection_gives_up_after_its_tries(cohort: pl.DataFrame) -> None:
    codec, _ = codec_of(cohort)
    hopeless = maker(codec, 50.0, reject=True)
    with pytest.raises(UsageError, match=rf"of {TRIES * SHARD} patients drawn only 0 have all numbers inside"):
        hopeless.shard(0, 3, seed=0)


def test_the_network_is_asked_for_visits_only_and_the_number_of_them_stays(varied: PatientModel) -> None:
    series = maker(varied.codec, 1.0, reject=False)
    records, _ = series.shard(0, SHARD, seed=5)
    assert torch.equal(varied.codec.visits(records.values), records.visits) and records.visits.unique().numel() > 3
    network = series.denoiser
    assert isinstance(network, Network) and isinstance(network.module, Noisy) and network.module.asked
    for given in network.module.asked:
        assert not given.target_mask[:, 0].any() and not given.observed_mask.any()
        assert torch.equal(given.target_mask[:, 1:].any(2), given.attention_mask[:, 1:])


def test_the_numbers_of_the_table_itself_are_inside_the_box(cohort: pl.DataFrame) -> None:
    codec, records = codec_of(cohort)
    assert not maker(codec, 1.0, reject=True).outside(records.values, records.visits).any()
    assert torch.equal(records.values[:, 1:].abs().amax((0, 1)), torch.ones(codec.channels))


def test_what_the_recipe_cannot_do_is_said(model: PatientModel, cohort: pl.DataFrame, tmp_path: Path) -> None:
    for how in ({"where": ["Gender=1"]}, {"guidance": 2.0}):
        with pytest.raises(UsageError, match="cannot be given statics"):
            model.sample(3, **how)  # pyright: ignore[reportArgumentType]
    for setting in ({"codec.stages": True}, {"codec.statics": "token"}):
        with pytest.raises(UsageError, match=r"codec\.stages=false and codec\.statics=repeated"):
            reverie.train(cohort, tmp_path / "run", steps=1, recipe="health-gym", settings=SMALL | setting)
        assert not (tmp_path / "run").exists()
    with pytest.raises(UsageError, match="whole records"):
        model.impute(cohort, method="learned")


def test_a_part_of_a_record_is_kept_to_by_guidance(model: PatientModel, cohort: pl.DataFrame) -> None:
    """Statics too, which stand at every visit and are filled alike there; levels are one-hot, and given as such."""
    holes = cohort.with_columns(
        pl.when(pl.col("PatientID") % 3 == 0).then(None).otherwise(pl.col("Gender")).alias("Gender"),
        pl.when(pl.col("Timestep") % 2 == 0).then(None).otherwise(pl.col("VL")).alias("VL"),
    )
    (filled,) = model.impute(holes, steps=2)
    assert (
        sum(filled.null_count().row(0)) == 0
        and filled.group_by("PatientID").agg(pl.col("Gender").n_unique())["Gender"].max() == 1
    )
    for name in cohort.columns:
        given = holes[name].is_not_null()
        assert filled[name].filter(given).equals(cohort[name].filter(given)), f"{name} was changed where it was given"
