"""What the network is asked in training: no cell twice, nothing that does not exist, every kind of question in its share."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from reverie.process import generator
from reverie.records import CodecSettings, RecordCodec, Records, Table, read_table
from reverie.records import masks as questions
from reverie.records.masks import FORECAST, GENERATE, STAGES, UNGUIDED, MaskSampler, cells, whole

BATCH = 400


@pytest.fixture(scope="module")
def table() -> Table:
    return read_table("pbc2")


@pytest.fixture(scope="module")
def codec(table: Table) -> RecordCodec:
    return RecordCodec.fit(table)


@pytest.fixture(scope="module")
def records(table: Table, codec: RecordCodec) -> Records:
    return codec.encode(table).records(np.arange(BATCH) % len(table), generator(0, "records"))


@pytest.fixture(scope="module")
def stage(codec: RecordCodec, records: Records) -> torch.Tensor:
    """The stage of every cell, [N, C]."""
    return cells(codec.stage, records.values.shape[1])


def only(monkeypatch: pytest.MonkeyPatch, generate: float, forecast: float, unguided: float = 0.0) -> None:
    for name, share in (("GENERATE", generate), ("FORECAST", forecast), ("UNGUIDED", unguided)):
        assert hasattr(questions, name)
        monkeypatch.setattr(questions, name, share)


def asked_stage(given, stage: torch.Tensor) -> torch.Tensor:
    """Of each example that is asked anything: [B], -1 for the others."""
    found = torch.where(given.target_mask, stage, -1).flatten(1)
    top = found.max(1).values
    assert ((found == -1) | (found == top[:, None])).all(), "an example is asked for two stages"
    return top


@pytest.mark.parametrize("seed", range(5))
def test_a_cell_is_asked_or_observed_or_neither_and_only_if_it_is_known(codec, records, stage, seed: int) -> None:
    given = MaskSampler(codec).draw(records, generator(seed))
    assert not (given.target_mask & given.observed_mask).any()
    assert not ((given.target_mask | given.observed_mask) & ~records.known).any(), (
        "what was not measured, or not there, has come up"
    )
    exists = torch.arange(records.values.shape[1]) <= records.visits[:, None]
    assert not (given.attention_mask & ~exists).any() and given.attention_mask[:, 0].all()
    assert not ((given.target_mask | given.observed_mask).any(-1) & ~given.attention_mask).any(), (
        "a cell of a visit that is not present"
    )
    assert not given.values[~given.observed_mask].any()


def test_what_is_given_is_told_as_it_is_but_for_statics_in_questions_about_visits(codec, records, stage) -> None:
    given = MaskSampler(codec).draw(records, generator(0))
    off = torch.where(given.observed_mask, given.values - records.values, 0.0)
    assert not off[:, 1:].any() and not off[given.target_mask[:, 0].any(1)].any()
    about_visits = given.target_mask[:, 1:].flatten(1).any(1)
    blurred = off[about_visits, 0][given.observed_mask[about_visits, 0] & (stage[0] == 1)]
    assert abs(float(blurred.std()) - questions.BLUR) < 0.1 * questions.BLUR


def test_visits_that_are_present_come_before_those_that_are_not(codec, records) -> None:
    for seed in range(5):
        present = MaskSampler(codec).draw(records, generator(seed)).attention_mask
        assert not (present[:, 1:] & ~present[:, :-1]).any()


def test_every_stage_of_the_table_is_asked_in_its_share(codec, records, stage) -> None:
    """Stratified, so no batch is far off. A question about statics may find all of them given, and ask for nothing."""
    asked = [asked_stage(MaskSampler(codec).draw(records, generator(seed)), stage) for seed in range(20)]
    counts = torch.stack([torch.stack([(a == s).sum() for s in range(4)]) for a in asked]).double() / BATCH
    for s, share in enumerate(STAGES):
        assert share * (0.35 if s == 0 else 0.85) < counts[:, s].mean() and counts[:, s].max() <= share + 1 / BATCH
        assert (counts[:, s] - counts[:, s].mean()).abs().max() < 0.04


def test_generation_is_told_all_stages_before_and_nothing_of_visits_now(codec, records, stage, monkeypatch) -> None:
    only(monkeypatch, generate=1, forecast=0)
    seen = set()
    for seed in range(4):
        given = MaskSampler(codec).draw(records, generator(seed))
        asked = asked_stage(given, stage)
        for s in range(4):
            rows = asked == s
            before = records.known[rows] & (stage < s)
            assert (given.observed_mask[rows] | ~before).all(), "a stage before was not told"
            beyond = given.observed_mask[rows] & ~before
            assert not beyond[:, 1:].any(), "generation was told of a visit what it should make"
            if s >= 2:
                assert not beyond.any()
                assert torch.equal(given.target_mask[rows], records.known[rows] & (stage == s))
            else:
                seen.add((s, bool(beyond.any())))
                assert not given.attention_mask[rows, 1:].any(), "statics are made before there are visits"
    assert seen == {(0, True), (1, True)}, "some statics are given now and then, as a condition"


def test_a_forecast_is_told_first_visits_whole_and_none_of_the_later_ones(codec, records, stage, monkeypatch) -> None:
    only(monkeypatch, generate=0, forecast=1)
    told = []
    for seed in range(4):
        given = MaskSampler(codec).draw(records, generator(seed))
        asked = asked_stage(given, stage)
        rows = asked == 3
        known, observed = records.known[rows][:, 1:], given.observed_mask[rows][:, 1:]
        values = stage[1:] == 3
        full, any_ = (~(known & values) | observed).all(-1), (observed & values).any(-1)
        exists = known.any(-1)
        first = (any_ & exists).long().cumprod(1).sum(1)
        for full_row, any_row, exists_row, count in zip(full, any_, exists, first, strict=True):
            assert full_row[:count].all(), "a visit of the past was not told whole"
            later = any_row[count:] & exists_row[count:]
            assert not later.any(), "a visit of the future was told"
        told.append(first)
    counts = torch.cat(told)
    assert counts.min() == 0 and len(counts.unique()) > 5


def test_completion_is_told_when_the_visits_were_but_never_what_was_measured(codec, records, stage, monkeypatch) -> None:
    only(monkeypatch, generate=0, forecast=0)
    tasks = MaskSampler(codec)
    flags, frame = (cells(x, stage.shape[0]) for x in (tasks.flags, tasks.frame))
    shares = []
    for seed in range(4):
        given = tasks.draw(records, generator(seed))
        rows = asked_stage(given, stage) == 3
        known, observed = records.known[rows], given.observed_mask[rows]
        assert not (observed & flags).any(), "holes would be given away by what was measured"
        assert (observed | ~(known & frame)).all()
        values = known & (stage == 3)
        shares.append((observed & values).sum((1, 2)) / values.sum((1, 2)))
    shares = torch.cat(shares)
    assert torch.histc(shares, 5, 0, 1).min() > 0.08 * len(shares), "from hardly anything given to nearly all"


def test_some_questions_about_visits_are_asked_without_statics(codec, records, stage, monkeypatch) -> None:
    only(monkeypatch, generate=0.5, forecast=0.2, unguided=UNGUIDED)
    without = total = 0
    for seed in range(10):
        given = MaskSampler(codec).draw(records, generator(seed))
        rows = asked_stage(given, stage) >= 2
        without += int((~given.observed_mask[rows, 0].any(-1)).sum())
        total += int(rows.sum())
    assert without / total == pytest.approx(UNGUIDED, abs=4 * (UNGUIDED / total) ** 0.5)


def test_the_shares_of_the_kinds_are_shares() -> None:
    assert min(GENERATE, FORECAST, UNGUIDED) > 0 and GENERATE + FORECAST < 1 and UNGUIDED < 0.5
    assert len(STAGES) == 4 and min(STAGES) > 0 and sum(STAGES) == pytest.approx(1)


def test_questions_are_a_function_of_the_generator(codec, records) -> None:
    one, same, other = (MaskSampler(codec).draw(records, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(one.target_mask, same.target_mask) and torch.equal(one.observed_mask, same.observed_mask)
    assert not torch.equal(one.target_mask, other.target_mask)


def test_a_table_without_a_stage_is_asked_for_the_others(gaussian) -> None:
    """No statics with holes and as many visits for all: stage 0 does not exist."""
    long = gaussian.cohort()
    frame = long.frame.group_by("id", maintain_order=True).head(2)
    codec = RecordCodec.fit(read_table(frame, schema=long.schema))
    assert MaskSampler(codec).stages.tolist() == [1, 2, 3]
    records = codec.encode(read_table(frame, schema=long.schema)).records(np.arange(BATCH), generator(0))
    asked = asked_stage(MaskSampler(codec).draw(records, generator(1)), cells(codec.stage, 3))
    assert set(asked.unique().tolist()) - {-1} == {1, 2, 3}


def test_a_network_that_makes_whole_visits_is_asked_all_of_them_and_told_nothing(table) -> None:
    codec = RecordCodec.fit(table, CodecSettings(numbers="box-cox", levels="one-hot", statics="repeated", stages=False))
    records = codec.encode(table).records(np.arange(30), generator(0))
    given = whole(records)
    N = records.values.shape[1]
    visits = (torch.arange(N) <= records.visits[:, None]) & (torch.arange(N) > 0)
    assert torch.equal(given.target_mask.any(-1), visits) and torch.equal(given.target_mask[:, 1:], records.known[:, 1:])
    assert not given.observed_mask.any() and not given.values.any()
    assert torch.equal(given.attention_mask[:, 1:], visits[:, 1:])


def test_a_record_of_which_little_is_asked_counts_as_one_of_which_all_is_up_to_a_limit(codec, records, stage) -> None:
    given = MaskSampler(codec).draw(records, generator(1))
    weights, of = MaskSampler(codec).weights(records, given), asked_stage(given, stage)
    asked = given.target_mask.sum((1, 2))
    could = (records.known & (stage == of[:, None, None])).sum((1, 2))
    some = asked > 0
    assert ((weights > 0) == given.target_mask).all()
    torch.testing.assert_close(weights.sum((1, 2))[some], torch.minimum(could, questions.MOST * asked)[some].float())
    assert (could > questions.MOST * asked)[some].any() and (could == asked)[some].any()
