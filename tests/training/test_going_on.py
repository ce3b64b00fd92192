"""A run that ended goes on to more steps, and a new one begins with the weights of another."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file

import reverie
from reverie import config
from reverie.errors import DataError, UsageError
from reverie.models.card import card
from reverie.training import Budget, Callbacks, Stopped, TrainingSettings
from reverie.training.metrics import read
from reverie.training.optimizer import learning_rate

SMALL = {"width": 8, "groups": 4, "blocks": 1, "batch": 16, "warmup": 2, "log_every": 1}
FEW = {"network.width": 8, "network.layers": 1, "training.batch": 16, "aside": 0.0}


def train(out: Path, steps: int | None = 4, said: list[str] | None = None, **options):
    settings = SMALL | options.pop("settings", {})
    callbacks = options.pop("callbacks", Callbacks(log=[].append if said is None else said.append))
    source = options.pop("source", "digits")
    return reverie.train(source, out, steps=steps, seed=3, settings=settings, callbacks=callbacks, **options)


def weights(run: Path) -> bytes:
    return (run / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("digits") / "run"
    train(run)
    return run


@pytest.fixture(scope="module")
def patients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("patients") / "run"
    reverie.train("pbc2", run, steps=2, settings=FEW)
    return run


def test_more_steps_at_a_constant_rate_are_those_of_a_run_asked_for_them_from_the_start(tmp_path: Path) -> None:
    said: list[str] = []
    constant = {"decay": "constant"}
    train(tmp_path / "whole", 6, settings=constant)
    train(tmp_path / "run", 3, settings=constant)
    train(tmp_path / "run", 6, said, settings=constant, resume=True)
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")
    assert any(
        "from step 3 of 3 it goes on to 6, to the same weights as if so many had been asked for" in line for line in said
    )
    assert config.read(tmp_path / "run").training.steps == 6
    train(tmp_path / "run", None, settings=constant, resume=True)  # nothing is left to do
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")


def test_more_steps_of_a_falling_rate_go_on_where_a_longer_run_would_stand_and_say_so(tmp_path: Path) -> None:
    said: list[str] = []
    train(tmp_path / "run", 4)
    with pytest.raises(Stopped):
        train(tmp_path / "run", 9, resume=True, callbacks=Callbacks(lambda done, _: stop(done == 6), said.append))
    assert any("so the weights are not those of a run asked for as many from the start" in line for line in said)
    train(tmp_path / "run", None, resume=True)
    told = config.read(tmp_path / "run").training
    assert (told.steps, told.plan) == (9, ((0, 4), (4, 9)))
    plain = TrainingSettings(steps=9, warmup=2)
    rates = {line["step"]: line["learning_rate"] for line in read(tmp_path / "run") if "loss" in line}
    for step in range(5, 10):
        assert rates[step] == pytest.approx(learning_rate(plain, step - 1, Budget(plain.entries))) and rates[step] > 0
    train(tmp_path / "again", 9, settings={"training.plan": told.plan})
    assert weights(tmp_path / "again") == weights(tmp_path / "run")


def stop(now: bool) -> None:
    if now:
        signal.raise_signal(signal.SIGTERM)


def test_fewer_steps_are_refused(digits: Path) -> None:
    for options in ({"steps": 3}, {"steps": None, "settings": {"training.steps": 3}}):
        with pytest.raises(
            UsageError, match="is planned for 4 steps, and goes on to as many or more, not to 3: leave `steps` out"
        ):
            train(digits, resume=True, **options)


def test_a_run_begins_with_the_weights_and_settings_of_its_parent(digits: Path, tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    still = {"learning_rate": 1e-12, "ema": 0.0, "weight_decay": 0.0}
    model = reverie.train(pictures, tmp_path / "child", steps=2, settings=still, parent=digits)
    parent = load_file(digits / "model.safetensors")
    assert all(torch.allclose(value, parent[name], atol=1e-9) for name, value in model.denoiser.module.state_dict().items())
    told = config.read(tmp_path / "child")
    assert told.parent and told.parent.digest == reverie.load(digits).digest and told.parent.steps == 4
    assert told.parent.path == str(digits.resolve()) and card(tmp_path / "child", "child")["parent"] == "run"
    assert told.network == config.read(digits).network and told.training.batch == 16 and told.training.steps == 2
    assert model.codec.classes == reverie.load(digits).codec.classes


def test_a_run_with_a_parent_resumes_to_the_same_bits_also_where_its_first_checkpoint_was_lost(
    digits: Path, tmp_path: Path
) -> None:
    train(tmp_path / "whole", parent=digits)
    for name, lost in (("kept", False), ("lost", True)):
        with pytest.raises(Stopped):
            train(tmp_path / name, parent=digits, callbacks=Callbacks(lambda done, _: stop(done == 2)))
        for part in (tmp_path / name / "checkpoints").iterdir() if lost else ():
            for file in (*part.iterdir(), part):
                file.unlink() if file.is_file() else file.rmdir()
        train(tmp_path / name, resume=True)
        assert weights(tmp_path / name) == weights(tmp_path / "whole")
    assert weights(tmp_path / "whole") != weights(digits)


def test_a_table_is_read_by_the_schema_of_the_parent(patients: Path, tmp_path: Path) -> None:
    table = pl.DataFrame(reverie.load(patients).sample(60, seed=5))
    table.write_csv(tmp_path / "new.csv")
    model = reverie.train(tmp_path / "new.csv", tmp_path / "child", steps=1, parent=patients, settings={"holdout": 0.1})
    assert model.codec.config == reverie.load(patients).codec.config and model.config.network.width == 8
    lacking = table.drop(model.codec.schema.varying[0].name)
    with pytest.raises(DataError, match=model.codec.schema.varying[0].name):
        reverie.train(lacking, tmp_path / "other", steps=1, parent=patients)
    with pytest.raises(UsageError, match="has learned of these data already"):
        reverie.train("pbc2", tmp_path / "other", steps=1, seed=1, parent=patients)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("source", "options", "words"),
    [
        ("pbc2", {}, "is a model of pictures: give a run trained on a table of visits"),
        (
            np.zeros((20, 9, 9), np.uint8),
            {},
            "makes pictures of 8 x 8 in grey, and the array has pictures of 9 x 9 in grey",
        ),
        (np.zeros((20, 8, 8, 3), np.uint8), {}, "pictures of 8 x 8 in colour"),
        ("digits", {"bits": 16}, "makes pictures of 8 bits a channel, and those of digits are read in 16: say `bits=8`"),
        ("digits", {"settings": {"network.width": 16}}, r"was trained with network\.width=8, and its weights"),
        ("digits", {"settings": {"schedule.name": "linear"}}, r"was trained with schedule\.name=cosine"),
        ("digits", {"settings": {"predict": "noise"}}, r"training\.predict=velocity"),
        ("digits", {"recipe": "ddpm"}, "`recipe` is that of `parent`"),
        ("digits", {"parent": "nowhere"}, "there is no run folder nowhere"),
        ("digits", {"seed": 4, "settings": {"holdout": 0.2}}, "train with seed=3, holdout=0, aside=0"),
    ],
)
def test_what_does_not_fit_the_parent_is_refused_in_a_sentence(digits, source, options, words, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=words):
        reverie.train(source, tmp_path / "child", steps=1, **({"parent": digits} | options))
    assert not (tmp_path / "child").exists()
