"""The reverse walk is the true posterior's, and ends exactly where it came from."""

import math
import warnings

import numpy as np
import pytest
import torch

from reverie.errors import DataError, UsageError
from reverie.process import NoiseSchedule
from reverie.studies import walk
from reverie.studies.walk import short_schedule

COLOUR = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)


def test_the_schedule_is_the_notebooks_and_needs_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schedule = short_schedule()
    assert schedule.steps == 200 and abs(float(schedule.alpha_bar[-1]) - 0.1322) < 5e-5


@pytest.mark.parametrize("start", [1, 50, 100, 200])
@pytest.mark.parametrize("picture", ["digits", "digits:7", COLOUR], ids=["0", "7", "colour"])
def test_the_walk_ends_at_x_0_to_the_last_bit(start, picture):
    study = walk(picture, start, seed=start)
    assert study.exact and torch.equal(study.x_end, study.picture.x_0)
    assert study.states[0][0] == start and study.states[-1][0] == 0
    assert study.distance[0] > 0 and study.distance[-1] == 0 and len(study.distance) == start + 1
    assert torch.equal(study.difference, study.x_start - study.picture.x_0)


def test_every_state_has_the_marginals_distance_from_x_0():
    """E|x_t - x_0|^2 = (1 - sqrt(alpha_bar))^2 P + (1 - alpha_bar) at every t of the walk, as straight from q(x_t|x_0)."""
    picture = np.random.default_rng(1).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    study = walk(picture, 200, seed=3)
    alpha_bar = study.schedule.alpha_bar
    for t in (200, 150, 100, 50, 10, 1):
        expected = (1 - alpha_bar[t].sqrt()) ** 2 * study.picture.power + 1 - alpha_bar[t]
        measured = study.distance[200 - t] ** 2
        assert measured == pytest.approx(float(expected), rel=6 * math.sqrt(2 / picture.size))


def test_the_walk_is_a_function_of_its_seed():
    assert torch.equal(walk(seed=5).x_start, walk(seed=5).x_start)
    assert not torch.equal(walk(seed=5).x_start, walk(seed=6).x_start)


def test_it_is_labelled_an_oracle():
    reply = walk().reply()
    assert reply["evidence"] == "oracle" and reply["ends_exactly_at_x_0"] is True and reply["end_step"] == 0


def test_starts_out_of_range_and_bad_pictures_are_refused():
    for start in (0, 201, -1, 1.5, True):
        with pytest.raises(UsageError, match="walk starts at a step"):
            walk(start=start)
    with pytest.raises(UsageError, match=r"1\.\.1000"):
        walk(start=1001, schedule=NoiseSchedule.linear())
    with pytest.raises(DataError, match=r"nowhere\.png does not exist"):
        walk("nowhere.png")
    for name in ("digits:1797", "digits:-1", "digits:x"):
        with pytest.raises(UsageError, match=r"indices are 0\.\.1796"):
            walk(name)
