"""Attacks on a synthetic table: healthy patients are not flagged, copied ones are, by every attack that can see them."""

import numpy as np
import polars as pl
import pytest
import torch

from reverie.denoisers import Empirical
from reverie.evaluation.measure import Measure, Split
from reverie.evaluation.privacy import adversarial, attributes, copies, linkage, membership, memorisation
from reverie.evaluation.privacy.adversarial import adversarial_accuracy
from reverie.evaluation.privacy.linkage import linked
from reverie.evaluation.privacy.memorisation import ties
from reverie.evaluation.tables import Tables
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.records import Schema, read_table
from reverie.records.cohort import simulate_art4hiv

ATTACKS = (copies, adversarial, membership, attributes, linkage, memorisation)
Case = tuple[Split, pl.DataFrame, Schema]


@pytest.fixture(scope="module")
def healthy() -> Case:
    """Three disjoint samples of one population: training, held out, and in the place of synthetic ones."""
    table = read_table(simulate_art4hiv(400, 8, seed=0))
    train, holdout, drawn = (table.take(range(a, b)).frame for a, b in ((0, 150), (150, 250), (250, 400)))
    return Split(train, holdout), drawn, table.schema


@pytest.fixture(scope="module")
def copied(healthy: Case) -> Case:
    """A third of the synthetic patients are training patients under other names."""
    split, drawn, schema = healthy
    taken = split.train.filter(pl.col("PatientID") < 50).with_columns(pl.col("PatientID") + 100_000)
    return split, pl.concat([drawn.filter(pl.col("PatientID") >= 300), taken]), schema


@pytest.fixture(scope="module")
def outcomes(healthy: Case, copied: Case) -> dict[str, dict[str, Measure]]:
    return {
        name: {m.name: m for attack in ATTACKS for m in attack(Tables.read(*tables)).measures}
        for name, tables in (("healthy", healthy), ("copied", copied))
    }


def test_patients_of_the_same_population_are_not_flagged(outcomes):
    assert {n: m.why for n, m in outcomes["healthy"].items() if m.verdict in ("look", "fault")} == {}


@pytest.mark.parametrize(
    "name",
    [
        "privacy.copies.patients",
        "privacy.copies.visits",
        "privacy.nearest.close",
        "privacy.membership.found",
        "privacy.linkage.risk",
        "privacy.memorisation.tied",
    ],
)
def test_a_third_copied_is_a_fault(outcomes, name):
    found = outcomes["copied"][name]
    assert found.verdict == "fault", found
    assert found.value == pytest.approx(1 / 3, abs=0.07)


def test_a_third_copied_moves_the_other_attacks_as_far_as_arithmetic_says(outcomes):
    found = outcomes["copied"]
    assert found["privacy.membership.auc"].value == pytest.approx(1 / 3 + 1 / 3, abs=0.06)
    # Train is cut to 100 of its 150, so two thirds of the copies meet their original: 1/2 + 1/2 x 1/3 x 2/3.
    assert found["privacy.nearest.share"].value == pytest.approx(0.5 + 1 / 9, abs=0.08)
    assert found["privacy.adversarial.loss"].value > 0.05
    assert found["privacy.attributes.risk"].value > 0.15


def test_measures_are_the_same_for_a_seed(healthy):
    first, second = (Tables.read(*healthy, 3) for _ in range(2))
    for attack in ATTACKS:
        assert attack(first).measures == attack(second).measures


def test_without_held_out_patients_an_attack_says_why_it_is_not_judged(healthy):
    split, drawn, schema = healthy
    alone = Tables.read(Split(split.train, split.holdout.clear()), drawn, schema)
    for attack in ATTACKS[1:]:
        for measure in attack(alone).measures:
            assert measure.value is None and measure.verdict == "unknown" and "0 held-out" in measure.why
    assert copies(alone).measures[0].value == 0


def test_a_copy_in_another_order_of_patients_is_a_copy_and_one_changed_cell_is_none(healthy):
    split, _, schema = healthy
    same = pl.concat(reversed(split.train.partition_by("PatientID", maintain_order=True)))
    assert copies(Tables.read(split, same, schema)).measures[0].value == 1
    changed = same.with_columns(
        pl.when(pl.col("Timestep") == 3).then(pl.col("CD4") + 0.5).otherwise(pl.col("CD4")).alias("CD4")
    )
    patients, visits = copies(Tables.read(split, changed, schema)).measures
    assert patients.value == 0 and visits.value == pytest.approx(7 / 8)


def test_adversarial_accuracy_of_known_clouds():
    draw = np.random.default_rng(0)
    a = draw.normal(size=(200, 3))
    assert adversarial_accuracy(a, a + 1e-9) == 0
    assert adversarial_accuracy(a, a + 100) == 1
    assert adversarial_accuracy(a, draw.normal(size=(200, 3))) == pytest.approx(0.5, abs=0.08)


def test_linkage_of_pieces_that_say_it_all_and_of_pieces_that_say_nothing():
    draw = np.random.default_rng(0)
    known, other = draw.normal(size=(100, 4)), draw.normal(size=(100, 4))
    assert linked(known, other, known, other).all()
    assert linked(known, other, draw.normal(size=(100, 4)), draw.normal(size=(100, 4))).mean() < 0.1


def test_the_exact_denoiser_sees_a_copy_and_its_original():
    draw = torch.Generator().manual_seed(0)
    training = torch.randn(50, 40, generator=draw, dtype=torch.float64)
    memory = Empirical(GaussianProcess(NoiseSchedule.cosine()), training)
    copies_, others = (
        ties(memory, training[:10], 0),
        ties(memory, torch.randn(10, 40, generator=draw, dtype=torch.float64), 0),
    )
    assert copies_.patient.tolist() == list(range(10))
    assert copies_.strength.min() > others.strength.max()
    assert np.all(np.diff(copies_.weight.mean(axis=0)) < 0)  # more noise, less memory
