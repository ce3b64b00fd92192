"""The attack with the model: a model that learned its patients by heart is found out, one that learned nothing is not."""

from pathlib import Path

import numpy as np
import pytest

import reverie
from reverie.evaluation.measure import Split
from reverie.evaluation.privacy import model_membership
from reverie.evaluation.privacy.model_membership import standardised
from reverie.evaluation.tables import Model, Tables
from reverie.models import PatientModel
from reverie.records import Table, read_table

SMALL = {
    "network.width": 48,
    "network.layers": 2,
    "network.dropout": 0.0,
    "training.batch": 60,
    "training.aside": 0.0,
    "training.holdout": 0.0,
    "training.weight_decay": 0.0,
    "training.learning_rate": 5e-3,
    "training.precision": "fp32",
    "training.ema": 0.98,
}


@pytest.fixture(scope="module")
def table() -> Table:
    return read_table("pbc2")


def by_heart(table: Table, folder: Path, steps: int) -> PatientModel:
    model = reverie.train(table.take(range(30)).frame, folder, steps=steps, schema=table.schema, settings=SMALL)
    assert isinstance(model, PatientModel)
    return model


@pytest.fixture(scope="module")
def untrained(table, tmp_path_factory) -> PatientModel:
    return by_heart(table, tmp_path_factory.mktemp("untrained") / "run", steps=1)


def attacked(split: Split, model: PatientModel, table: Table) -> Tables:
    return Tables.read(split, split.train, table.schema, model=Model(model.losses))


def test_a_model_that_learned_thirty_patients_by_heart_is_found_out(table, tmp_path):
    model = by_heart(table, tmp_path / "run", steps=320)
    split = Split(table.take(range(30)).frame, table.take(range(30, 130)).frame)
    found = {m.name: m for m in model_membership(attacked(split, model, table)).measures}
    attack = found["privacy.model_membership.auc"]
    assert attack.value > 0.9 and attack.verdict == "fault", attack
    assert found["privacy.model_membership.found"].verdict == "fault"


def test_an_untrained_model_tells_nothing(table, untrained):
    split = Split(table.take(range(30)).frame, table.take(range(30, 130)).frame)
    section = model_membership(attacked(split, untrained, table))
    reached, found = section.measures  # of thirty patients too large a share could be found unseen to judge that none was
    assert reached.verdict == "fine" and found.verdict == "unknown" and "a leak of" in found.why
    assert section == model_membership(attacked(split, untrained, table))


def test_losses_are_of_patients_by_first_appearance_and_of_levels(table, untrained):
    losses = untrained.losses(table.take(range(12)).frame, seed=2)
    assert losses.shape == (12, 5) and (losses > 0).all()
    # An untrained network answers 0, so the loss is the mean square of the velocity: (1 - a_bar) x^2 + a_bar eps^2,
    # which is the noise's alone where a_bar = 0.95.
    assert losses[:, 0].mean() == pytest.approx(0.95, abs=0.1)


def test_noise_levels_count_alike():
    ours, theirs = np.array([[1.0, 500.0], [2.0, 100.0]]), np.array([[3.0, 300.0], [4.0, 700.0]])
    members, others = standardised(ours, theirs)
    scaled = standardised(ours * [10, 0.1], theirs * [10, 0.1])
    assert members == pytest.approx(scaled[0]) and others == pytest.approx(scaled[1])
