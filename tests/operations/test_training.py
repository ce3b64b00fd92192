"""What a training is asked for by a field of its own is the setting that it stands for."""

import pytest
from pydantic import ValidationError

from reverie.operations.training import Training, training
from reverie.process.registry import ALIASES, PATHS, learned


def asked(**told):
    return Training.model_validate({"source": "digits", "out": "runs/x", **told})


def test_the_path_of_noise_levels_is_a_setting():
    assert asked().all_settings == {}
    assert asked(schedule="edm", settings={"batch": 4}).all_settings == {"schedule.name": "edm", "batch": 4}
    assert set(learned()) == {*PATHS, *ALIASES} - {"from_betas"}
    with pytest.raises(ValidationError, match="say the same: give one of them"):
        asked(schedule="edm", settings={"schedule.name": "cosine"})
    with pytest.raises(ValidationError):
        asked(schedule="edn")


def test_the_call_shown_sets_it():
    assert "settings={'schedule.name': 'flow'}" in training.python(asked(schedule="flow")).replace('"', "'")
