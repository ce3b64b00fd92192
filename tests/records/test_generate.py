"""Records made stage by stage have the law that the denoiser answers for; and patient i is a function of (seed, i)."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
import polars as pl
import pytest
import torch
from scipy.special import ndtr
from scipy.stats import multivariate_normal, norm

from reverie.errors import UsageError
from reverie.records import RecordCodec, read_table
from reverie.records.complete import Completer, longer
from reverie.records.generate import SHARD, TOKENS, RecordSampler, like_lengths
from reverie.samplers import Ancestral, DPMSolver, time_grid

LINK, SHARDS = 0.6, 8
PATIENTS = SHARD * SHARDS


@pytest.fixture(scope="module")
def exact(gaussian):
    return gaussian.Exact(RecordCodec.fit(gaussian.cohort()), LINK)


def maker(exact, steps: int = 40, rule=None) -> RecordSampler:
    return RecordSampler(exact, exact.codec, rule or DPMSolver(), time_grid(exact.process.schedule, steps))


class Watched(RecordSampler):
    """Keeps the questions that it asks."""

    @cached_property
    def questions(self) -> list:
        return []

    def fill(self, given, noise, steps):
        self.questions.append(given)
        return super().fill(given, noise, steps)


@pytest.fixture
def watched(gaussian):
    """Of a table with statics that are not always known, gaps, and values that a static leaves empty; it knows no law."""
    table = gaussian.cohort(120)
    hidden = pl.col("id") % 3 == 0
    sex = pl.when(pl.col("id") % 4 < 2).then(pl.lit("F")).otherwise(pl.lit("M")).alias("sex")
    frame = table.frame.with_columns(pl.when(~hidden).then("s").alias("s"), sex)
    frame = frame.with_columns(pl.when(sex="F").then("x").alias("x"))
    table = read_table(frame, identifier="id", time="time")
    assert table.schema["x"].asked_if and table.schema["s"].role == "static"
    codec = RecordCodec.fit(table)
    return table, Watched(gaussian.Ignorant(), codec, DPMSolver(), time_grid(gaussian.Ignorant().process.schedule, 3))


def assert_in_training(question, known, chosen=slice(None)) -> None:
    """Of these patients every cell that is asked or observed is known, as are all that training asks or observes."""
    touched, N = (question.target_mask | question.observed_mask)[chosen], question.target_mask.shape[1]
    assert touched.any() and not (touched & ~known[:, :N]).any()


def test_all_that_is_asked_or_observed_in_sampling_can_be_so_in_training(watched) -> None:
    _, asking = watched
    rows = 300
    records, _ = asking.shard(0, rows, seed=0)
    frame = asking.codec.decode(records).frame
    known = asking.codec.encode(read_table(frame, asking.codec.schema)).records(range(rows), None).known
    assert torch.equal(known, records.known)
    for question in asking.questions[:2]:
        assert_in_training(question, known, slice(0, rows))
    for batch, chosen in enumerate(like_lengths(records.visits)):
        for question in asking.questions[2 + 2 * batch : 4 + 2 * batch]:
            assert_in_training(question, known[chosen])
    assert len(asking.questions) == 2 + 2 * (batch + 1)


@pytest.mark.parametrize("what", ["holes", "future"])
def test_all_that_is_asked_or_observed_in_completing_can_be_so_in_training(watched, what) -> None:
    table, asking = watched
    given = longer(table, 2) if what == "future" else table
    completer = Completer(asking, given)
    randomness = torch.Generator().manual_seed(0)
    frame = completer.future(2, randomness) if what == "future" else completer.holes(randomness)
    records = asking.codec.encode(replace(given, frame=frame)).records(range(len(given)), None)
    for batch, chosen in enumerate(like_lengths(records.visits)):
        for question in asking.questions[2 * batch : 2 * batch + 2]:
            assert_in_training(question, records.known[chosen])


@pytest.fixture(scope="module")
def made(exact):
    """PATIENTS records: (values, known, visits), each as one array padded to 4 visits."""
    shards = [maker(exact).shard(number, SHARD, seed=0)[0] for number in range(SHARDS)]
    pad = [torch.nn.functional.pad(s.values, (0, 0, 0, 5 - s.values.shape[1])) for s in shards]
    known = [torch.nn.functional.pad(s.known, (0, 0, 0, 5 - s.known.shape[1])) for s in shards]
    return torch.cat(pad).double().numpy(), torch.cat(known).numpy(), torch.cat([s.visits for s in shards]).numpy()


def test_made_values_have_the_joint_law_within_and_between_visits(exact, made) -> None:
    """Static, gap and values of the first two visits, where all were measured: whitened, they are N(0, I)."""
    values, known, _ = made
    places = [exact.place("value:s"), exact.place("gap", 2)]
    places += [exact.place(f"value:{name}", visit) for visit in (1, 2) for name in "xy"]
    token, channel = map(list, zip(*places, strict=True))
    all_there = known[:, token, channel].all(1)
    z = values[all_there][:, token, channel]
    flat = np.array(token) * exact.codec.channels + np.array(channel)
    law = exact.covariance(5)[np.ix_(flat, flat)]
    white = np.linalg.solve(np.linalg.cholesky(law), z.T)
    spread = 4 / len(z) ** 0.5  # four standard errors
    assert len(z) > PATIENTS / 2
    np.testing.assert_allclose(white.mean(1), 0, atol=spread)
    # 0.02 more, for the sampler takes 40 steps and not infinitely many
    np.testing.assert_allclose(np.cov(white), np.eye(len(law)), atol=2**0.5 * spread + 0.02)


def test_lengths_come_in_the_shares_of_the_table_and_go_with_the_statics(exact, made) -> None:
    values, _, visits = made
    lengths = np.unique(visits)
    low, high = exact.codec.codes["visits"].intervals(lengths.astype(float))
    share = ndtr(high) - ndtr(low)
    assert lengths.tolist() == [2, 3, 4] and share.sum() == pytest.approx(1)
    counted = np.array([(visits == length).mean() for length in lengths])
    np.testing.assert_allclose(counted, share, atol=4 * (0.25 / PATIENTS) ** 0.5)
    s = values[:, 0, exact.place("value:s")[1]]
    mean = LINK * (norm.pdf(low) - norm.pdf(high)) / share  # E[s | the score of the length is in its interval]
    np.testing.assert_allclose([s[visits == length].mean() for length in lengths], mean, atol=0.15)
    assert mean[2] - mean[0] > 1


def test_what_is_missing_together_is_missing_together(exact, made, gaussian) -> None:
    _, known, visits = made
    place = exact.place("value:y", 1)[1]
    missing = ~known[:, 1:, place]
    first, second = missing[:, 0], missing[:, 1]
    cut = float(exact.codec.codes["measured:y"].cuts[0])
    one, both = ndtr(cut), multivariate_normal([0, 0], [[1, gaussian.FLAGS], [gaussian.FLAGS, 1]]).cdf([cut, cut])
    error = 4 * (0.25 / PATIENTS) ** 0.5
    assert first.mean() == pytest.approx(one, abs=error) and second.mean() == pytest.approx(one, abs=error)
    assert (first & second).mean() == pytest.approx(both, abs=error) and both > one**2 + 2 * error
    assert (known[:, 1:].any(2).sum(1) == visits).all(), "a visit that does not exist has known cells"


def test_a_value_that_was_not_measured_and_a_visit_that_does_not_exist_hold_nothing(made) -> None:
    values, known, _ = made
    assert not values[~known].any() and np.isfinite(values).all()


def test_a_stochastic_sampler_has_the_same_law(exact) -> None:
    records, _ = maker(exact, 50, Ancestral()).shard(0, SHARD, seed=1)
    places = [exact.place("value:s"), exact.place("value:x", 1), exact.place("value:x", 2)]
    z = torch.stack([records.values[:, token, channel] for token, channel in places])
    law = torch.tensor([[1, 0, 0], [0, 1, 0.8], [0, 0.8, 1]])
    torch.testing.assert_close(torch.cov(z), law, atol=4 * (2 / SHARD) ** 0.5, rtol=0)


def test_the_first_patients_are_the_same_when_fewer_are_asked(exact) -> None:
    whole, few = (maker(exact, 8).shard(0, rows, seed=3)[0] for rows in (SHARD, 40))
    assert torch.equal(few.visits, whole.visits[:40])
    longest = few.values.shape[1]
    torch.testing.assert_close(few.values, whole.values[:40, :longest], atol=1e-4, rtol=1e-4)
    again = maker(exact, 8).shard(0, 40, seed=3)[0]
    assert torch.equal(again.values, few.values) and torch.equal(again.known, few.known)


def test_seeds_and_shards_differ(exact) -> None:
    one = [maker(exact, 4).shard(n, 9, seed=s)[0].values[:, 0] for n, s in ((0, 0), (1, 0), (0, 1))]
    assert len({tuple(v.flatten().tolist()) for v in one}) == 3


def test_given_statics_are_kept_and_the_rest_is_drawn_to_go_with_them(exact) -> None:
    score = 1.5
    statics = exact.codec.given(pl.DataFrame({"s": exact.codec.codes["value:s"].from_score(np.full(SHARD, score))}))
    records = [maker(exact).shard(number, SHARD, 0, given=statics)[0] for number in range(4)]
    s = torch.cat([r.values[:, 0, exact.place("value:s")[1]] for r in records])
    torch.testing.assert_close(s, torch.full_like(s, score), atol=1e-4, rtol=0)
    gap = torch.cat([r.values[:, 2, exact.place("gap", 2)[1]] for r in records])
    error = 4 * (0.75 / len(gap)) ** 0.5
    assert float(gap.mean()) == pytest.approx(0.5 * score, abs=error + 0.01)
    assert float(gap.std()) == pytest.approx(0.75**0.5, abs=error)


def test_rejection_gives_the_law_cut_off_and_counts_what_was_drawn(exact) -> None:
    place = exact.place("value:s")[1]
    asked = maker(exact, 20)
    records, drawn = asked.shard(0, SHARD, 0, accept=lambda values: values[:, 0, place] > 1)
    s, gap = records.values[:, 0, place], records.values[:, 2, exact.place("gap", 2)[1]]
    beyond = norm.pdf(1) / norm.sf(1)  # E[s | s > 1]
    assert (s > 1).all() and float(s.mean()) == pytest.approx(beyond, abs=0.12)
    assert float(gap.mean()) == pytest.approx(0.5 * beyond, abs=4 * (0.8 / SHARD) ** 0.5)
    assert SHARD / drawn == pytest.approx(norm.sf(1), abs=4 * (norm.sf(1) / drawn) ** 0.5)
    _, drawn = asked.shard(0, SHARD, 0, accept=lambda values: values[:, 0, place] > -0.8274)
    assert SHARD / drawn == pytest.approx(0.796, abs=4 * (0.16 / drawn) ** 0.5)  # and not 1 of each 2 rounds


def test_a_condition_that_nobody_meets_is_refused_with_a_count(exact, monkeypatch) -> None:
    monkeypatch.setattr("reverie.records.generate.ROUNDS", 3)
    with pytest.raises(UsageError, match=r"of 6,144 patients drawn only 0 met the condition"):
        maker(exact, 2).shard(0, SHARD, 0, accept=lambda values: torch.zeros(len(values), dtype=torch.bool))


def test_batches_hold_like_lengths_each_patient_once_and_no_more_tokens_than_allowed() -> None:
    visits = torch.randint(1, 90, (700,), generator=torch.Generator().manual_seed(0))
    visits[5] = 2 * TOKENS
    batches = list(like_lengths(visits))
    assert sorted(torch.cat(batches).tolist()) == list(range(700))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * (1 + int(visits[batch].max())) <= TOKENS
    order = torch.cat([visits[batch] for batch in batches])
    assert (order.diff() >= 0).all()
