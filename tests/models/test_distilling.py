"""A run of few calls: taught by where its parent's paths end, resumed to the same bits, asked for its few calls alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import reverie
from reverie import config
from reverie.denoisers import Labels, seen
from reverie.errors import UsageError
from reverie.models import PictureModel, editing
from reverie.models.card import card
from reverie.planning.distilling import plan
from reverie.reports.likelihood import likelihood
from reverie.samplers import named, sample, trajectory
from reverie.sources.teacher import Teacher
from reverie.training import Callbacks
from reverie.training.trajectories import POOL, Trajectories

SMALL = {"width": 8, "groups": 4, "batch": 16, "warmup": 2, "multipliers": [1], "log_every": 1, "learning_rate": 1e-3}
SMALL |= {"precision": "fp32"}  # what a sampler asks is compared with what is asked here


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> PictureModel:
    out = tmp_path_factory.mktemp("runs") / "digits"
    model = reverie.train("digits", out, steps=30, seed=3, settings=SMALL, holdout=0.1)
    assert isinstance(model, PictureModel)
    return reverie.load(out)  # pyright: ignore[reportReturnType]


@pytest.fixture(scope="module")
def fast(parent: PictureModel) -> PictureModel:
    assert parent.path is not None
    return reverie.distill(parent, parent.path.parent / "fast", calls=2, steps=4)


def taught(parent: PictureModel, calls: int, **options) -> Trajectories:
    teacher = Teacher(parent, "digits", calls, **options)
    return teacher.examples(parent.config, teacher.split(parent.config), parent.codec)[0]


@pytest.mark.parametrize("calls", [1, 2, 3, 4])
def test_a_pair_is_a_state_of_the_parents_path_and_where_that_path_ends(parent: PictureModel, calls: int) -> None:
    taught_by = taught(parent, calls)
    pool = taught_by.pool(0)
    assert len(taught_by.levels) == calls and set(taught_by.levels) < set(taught_by.grid)
    labels, rows = pool.labels, range(2, 9)
    assert labels is not None
    condition = Labels(labels[:64])
    walk = list(trajectory(parent.denoiser, named("angular"), taught_by.grid, pool.states[0, :64], condition=condition))
    torch.testing.assert_close(walk[-1].x, pool.clean[:64])
    states = {point.t: point.x for point in walk}
    for state, t in zip(pool.states, taught_by.levels, strict=True):
        torch.testing.assert_close(states[t], state[:64])
    batch, noise = taught_by.drawn(5, rows)
    t = taught_by.times()[rows.start : rows.stop]
    corrupted = parent.process.corrupt(batch.x_0, t, noise)
    for i, level in enumerate(t.tolist()):  # each is one of the states of its level, with the picture that it leads to
        at = int((pool.clean - batch.x_0[i]).flatten(1).abs().sum(1).argmin())
        torch.testing.assert_close(corrupted[i], pool.states[taught_by.levels.index(level), at], atol=1e-4, rtol=0)


def test_every_pair_of_a_pool_is_seen_as_often_and_the_next_pool_has_others(parent: PictureModel) -> None:
    taught_by = taught(parent, 1)
    often: Counter[float] = Counter()
    for step in range(POOL):
        often.update(taught_by.drawn(step, range(taught_by.batch))[0].x_0.double().sum((1, 2, 3)).tolist())
    assert len(often) == 256 and set(often.values()) == {4}
    later = taught_by.drawn(POOL, range(taught_by.batch))[0].x_0.double().sum((1, 2, 3)).tolist()
    assert not often.keys() & set(later)


def test_the_guidance_that_it_learns_from_is_in_the_pictures(parent: PictureModel) -> None:
    plain, guided = (taught(parent, 1, guidance=w) for w in (None, 3.0))
    labels, x_T = plain.pool(0).labels, plain.pool(0).states[0, :8]
    assert labels is not None and torch.equal(x_T, guided.pool(0).states[0, :8])
    how = parent.method("angular", 6, "angle", where=["class=*"], guidance=3.0)
    expected = sample(how.denoiser, how.sampler, plain.grid, x_T, condition=Labels(labels[:8]))
    torch.testing.assert_close(guided.pool(0).clean[:8], expected)
    assert not torch.allclose(plain.pool(0).clean[:8], expected)


def test_what_a_network_sees_is_nearest_for_the_same_picture_and_its_gradient_is_of_the_first_alone(parent) -> None:
    y = parent.encode(np.tile(np.arange(0, 256, 4, dtype=np.uint8).reshape(8, 8, 1), (3, 1, 1, 1)))
    x, t, noise = (y + 0.3 * torch.randn_like(y)).requires_grad_(), torch.tensor([5, 90, 400]), torch.randn_like(y)
    y.requires_grad_()
    far = seen.distance(parent.denoiser, parent.denoiser.module.stages, x, y, t, noise, None)
    far.backward()
    assert float(far.detach()) > 0 and x.grad is not None and float(x.grad.abs().sum()) > 0 and y.grad is None
    same = seen.distance(parent.denoiser, parent.denoiser.module.stages, y, y, t, noise, None)
    assert float(same.detach()) == 0


def test_a_distillation_that_was_stopped_ends_with_the_same_bits(parent, fast, tmp_path: Path, monkeypatch) -> None:
    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("reverie.training.loop.CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(KeyboardInterrupt):
        plan(parent, tmp_path / "run", calls=2, steps=4).run(Callbacks(on_step=stop))
    with pytest.raises(UsageError, match=r"distilled\.calls: 2 there, 1 here"):
        reverie.distill(parent, tmp_path / "run", calls=1, resume=True)
    assert reverie.distill(parent, tmp_path / "run", calls=2, resume=True).digest == fast.digest


def test_its_folder_says_what_it_is_and_where_it_came_from(parent: PictureModel, fast: PictureModel) -> None:
    assert parent.path is not None
    folder = parent.path.parent / "fast"
    told = config.read(folder)
    assert told.parent is not None and told.parent.name == "digits" and told.parent.digest == parent.digest
    assert told.distilled is not None and told.distilled.calls == 2 and told.distilled.teacher_steps == 6
    assert (told.seed, told.training.holdout, told.source) == (
        3,
        0.1,
        parent.config.source,
    )  # so the report splits as it did
    about = card(folder, "fast")
    assert about["parent"] == "digits" and about["config"]["distilled"]["calls"] == 2
    assert np.array_equal(reverie.load(folder).sample(4), fast.sample(4))


def test_its_second_call_goes_on_from_the_first_ones_picture_with_the_noise_it_began_from(fast: PictureModel) -> None:
    grid = fast.method().grid
    x = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    first = fast.denoiser(x, grid[0]).clean
    one, two = (fast.method(steps=steps) for steps in (1, 2))
    torch.testing.assert_close(sample(fast.denoiser, one.sampler, one.grid, x), first)
    again = fast.process.corrupt(first, grid[1], x)
    made = sample(fast.denoiser, two.sampler, grid, x)
    torch.testing.assert_close(made, fast.denoiser(again, grid[1]).clean, atol=1e-4, rtol=0)


def test_with_eta_1_the_second_call_begins_with_fresh_noise_as_models_of_consistency_do(fast: PictureModel) -> None:
    x = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    fresh, known = (torch.Generator().manual_seed(9) for _ in range(2))
    method = fast.method(eta=1.0)
    made = sample(fast.denoiser, method.sampler, method.grid, x, fresh)
    torch.testing.assert_close(made, sample(fast.denoiser, named("consistency"), method.grid, x, known), atol=1e-4, rtol=0)
    assert not torch.allclose(made, sample(fast.denoiser, fast.method().sampler, method.grid, x), atol=1e-2)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"steps": 50}, "in 1 or 2 calls of its network, not in 50 steps"),
        ({"sampler": "heun"}, "for `sampler=ddim` alone, not heun"),
        ({"spacing": "karras"}, "for `spacing=angle` alone, not karras"),
        ({"guidance": 2.0, "where": ["class=3"]}, "guidance of this run was set when it was distilled"),
        ({"negative": ["class=2"], "where": ["class=3"]}, "guidance of this run was set when it was distilled"),
    ],
)
def test_what_it_was_not_taught_is_refused_with_what_to_do(fast: PictureModel, asked: dict, sentence: str) -> None:
    with pytest.raises(UsageError, match=f"{sentence}.*its parent digits"):
        fast.sample(1, **asked)


def test_what_needs_every_level_of_noise_is_its_parents(fast: PictureModel) -> None:
    picture = np.zeros((8, 8, 1), np.uint8)
    for doing in (
        lambda: editing.image_to_image(fast, picture, 0.5),
        lambda: editing.inverted(fast, picture[None]),
        lambda: editing.inpaint(fast, picture, np.eye(8) > 0),
        lambda: reverie.distill(fast, calls=1),
        lambda: reverie.train("digits", parent=fast),
        lambda: fast.save("nowhere", layout="diffusers"),
    ):
        with pytest.raises(UsageError, match=r"so it cannot .*: take its parent digits"):
            doing()
    section = likelihood(fast, np.zeros((4, 8, 8, 1), np.uint8), np.zeros((0, 8, 8, 1), np.uint8), 0)
    assert all(each.value is None and "its parent has one" in each.why for each in section.measures)


def test_a_run_that_cannot_be_distilled_is_refused(parent: PictureModel) -> None:
    with pytest.raises(UsageError, match="calls is a number from 1 to 4, not 5"):
        reverie.distill(parent, calls=5)
    with pytest.raises(UsageError, match=r"predicts noise, of which nothing follows.*predict=velocity"):
        Teacher(replace(parent, denoiser=replace(parent.denoiser, kind="noise")), "digits", 1)
    plain = replace(parent, codec=replace(parent.codec, classes=()))
    with pytest.raises(UsageError, match="without classes, so guidance has nothing to follow"):
        Teacher(plain, "digits", 1, guidance=2.0)
