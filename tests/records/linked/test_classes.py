"""Latent classes of rows: found where there are any, drawn first, never seen in what is made."""

import json
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
import torch

from reverie.denoisers.naming import Cells, Leveled, Naming
from reverie.denoisers.rows import Noisy
from reverie.process.randomness import generator
from reverie.records.digits import Digits
from reverie.records.leveled import leveled
from reverie.records.linked import LinkedCodec, LinkedForms, read_linked
from reverie.records.linked.classes import Classes
from reverie.records.linked.classing import draw_classes
from reverie.records.linked.given import parted
from reverie.records.linked.growing import grow
from reverie.records.linked.latent import FEWEST
from reverie.records.linked.questions import Encoded, draw_question
from reverie.records.linked.scores import TableScores

KINDS = ("heart", "lungs", "bones")
TESTS = {"heart": ["troponin", "bnp", "ck"], "lungs": ["ph", "po2", "pco2"], "bones": ["calcium", "vitamin d", "alp"]}


@pytest.fixture(scope="module")
def clinic():
    """(tables, int64 [stays]): stays of three kinds, which no column says; what is tested does, mostly."""
    draw, kinds = np.random.default_rng(0), []
    tables = {"patients": [], "stays": [], "tests": []}
    for p in range(150):
        tables["patients"].append((f"P{p}", str(draw.choice(["f", "m"]))))
        for s in range(int(draw.integers(1, 4))):
            kind = int(draw.integers(3))
            kinds.append(kind)
            tables["stays"].append((f"P{p}S{s}", f"P{p}", f"2026-0{s + 1}-11T08:00:00", str(draw.choice(["A", "B"]))))
            for name in draw.choice(TESTS[KINDS[kind]], size=int(draw.integers(3, 7))):
                tables["tests"].append((f"P{p}S{s}", str(name), round(float(draw.normal(3 * kind, 1)), 1)))
    columns = {
        "patients": ["patient_id", "sex"],
        "stays": ["stay_id", "patient_id", "admitted", "ward"],
        "tests": ["stay_id", "test", "value"],
    }
    frames = {name: pl.DataFrame(rows, schema=columns[name], orient="row") for name, rows in tables.items()}
    frames["stays"] = frames["stays"].with_columns(pl.col("admitted").str.to_datetime())
    return read_linked(frames, name="clinic"), np.array(kinds)


@pytest.fixture(scope="module")
def learned(clinic):
    """(codec, tables in the order of its tree)."""
    grown = grow(clinic[0])
    return LinkedCodec.fit(LinkedForms.of(clinic[0].schema, grown), grown, {}), grown


def classes_of(codec, scores, table="stays"):
    """int64 [rows], as scores tell them."""
    cells = codec.cells[table, "rows"]
    channels = list(cells.leveled[cells.class_field].channels)
    rows = scores[table].of_rows(np.arange(len(scores[table].above)))[0]
    return codec.classes.tables[table].code.level(rows[:, channels].double().numpy())


def test_stays_of_three_kinds_are_found_to_be_so(clinic, learned):
    codec, grown = learned
    found = classes_of(codec, codec.encode(grown))
    place = {key: i for i, key in enumerate(clinic[0].frames["stays"]["stay_id"])}
    true = clinic[1][[place[key] for key in grown.frames["stays"]["stay_id"]]]
    of_kind = np.stack([np.bincount(found[true == kind], minlength=codec.classes.count("stays")) for kind in range(3)])
    assert (of_kind.max(0) / of_kind.sum(0) > 0.97).all()  # each class is of one kind, though a kind may have several


def test_no_class_is_of_a_few_patients(learned):
    codec, grown = learned
    found, patients = classes_of(codec, codec.encode(grown)), grown.patients("stays")
    for number in range(codec.classes.count("stays")):
        assert len(np.unique(patients[found == number])) >= FEWEST


def test_a_codec_that_is_read_again_says_the_same(learned):
    codec, grown = learned
    again = LinkedCodec.from_config(json.loads(json.dumps(codec.config)))
    for table, scores in codec.encode(grown).items():
        other = again.encode(grown)[table]
        assert torch.equal(scores.rows.nan_to_num(9), other.rows.nan_to_num(9))
        assert torch.equal(scores.groups.nan_to_num(9), other.groups.nan_to_num(9))
    for kind, other in zip(codec.channels, again.channels, strict=True):
        for cells, of in ((kind.row, other.row), (kind.group, other.group)):
            assert np.array_equal(cells.expected, of.expected) if cells.expected is not None else of.expected is None
            assert np.array_equal(cells.spread, of.spread) if cells.spread is not None else of.spread is None


def test_what_a_class_says_of_levels_and_numbers_is_what_its_rows_are(learned):
    codec, grown = learned
    cells, scores = codec.cells["tests", "rows"], codec.encode(grown)
    of = classes_of(codec, scores)[scores["tests"].above]
    rows = scores["tests"].of_rows(np.arange(len(of)))[0]
    (number,) = np.flatnonzero((cells.spread[1:, 1] != 1).any(0))  # the value; tests are names
    names = Naming(cells).levels(rows).numpy()
    for c in range(codec.classes.count("stays")):
        mine, n = of == c, (of == c).sum()
        share, whole = names[mine].mean(0), names.mean(0)
        ratio = np.log((n * share + whole) / (n + 1) / whole)
        assert np.allclose(cells.expected[1 + c], ratio, atol=0.01)
        z = rows[mine, number].double().numpy()
        assert cells.spread[1 + c, 0, number] == pytest.approx(z.sum() / (n + 1), abs=0.01)
    assert not cells.expected[0].any()


def test_classes_are_told_always_and_without_noise_and_never_asked(learned):
    codec, grown = learned
    encoded, randomness = Encoded.of(codec, grown), generator(0, "questions")
    for _ in range(10):
        for unit in encoded.laid_out(torch.arange(24), randomness):
            question, classes = draw_question(unit, randomness), unit.classes
            there = unit.known & classes & question.attention_mask[..., None]
            assert there.any() and torch.equal(question.observed_mask & classes, there)
            assert torch.equal(question.values[there], unit.values[there]) and not (question.target_mask & classes).any()


COUNTS = np.array([7, 1, 4, 9, 3, 2])


@pytest.mark.parametrize("angle", [0.3, 0.9])
def test_what_noisy_scores_say_of_rows_of_a_class_is_what_counting_such_rows_says(angle):
    code, more = Digits.fit(COUNTS, np.array([3, 0, 5, 1, 4, 2])), np.array([0.0, 2, -1, 0, 1, -2])
    field = Leveled(tuple(range(code.width)), *leveled(code))
    naming = Naming(Cells(code.width, (field,), expected=np.stack([0 * more, more]).astype(np.float32)))
    signal, noise = np.cos(angle), np.sin(angle)
    x = torch.full((1, code.width), 0.3)
    z = signal * x + noise * torch.randn(300_000, code.width, generator=generator(0, "scores"))
    weight = naming.levels(z).double() * torch.from_numpy(more).exp()  # of how many such rows have each level
    said = naming.by_class(torch.tensor([1]))
    seen = naming.seen(x, torch.full_like(x, signal), torch.full_like(x, noise), said)
    assert torch.allclose(seen.share[:, 0].double(), weight.sum(0) / weight.sum(), atol=5e-3)


def test_levels_are_drawn_as_often_as_their_shares():
    code = Digits.fit(COUNTS, np.array([3, 0, 5, 1, 4, 2]))
    field = Leveled(tuple(range(code.width)), *leveled(code))
    moved = Leveled(tuple(c + code.width for c in field.channels), field.lower, field.upper)
    naming, randomness = Naming(Cells(2 * code.width, (field, moved))), generator(0, "chance")
    shares = naming.shares(torch.randn(12, 1, generator=randomness)).expand(-1, 60_000)
    levels = naming.drawn(shares, torch.rand(60_000, 2, generator=randomness))
    drawn = torch.nn.functional.one_hot(levels, 12).sum(0).T.float()
    assert torch.equal(drawn.view(2, 6, -1).sum(1), torch.ones(2, 60_000))
    assert torch.allclose(drawn.mean(1), shares[:, 0].exp(), atol=8e-3)
    together = drawn[:6] @ drawn[6:].T / 60_000  # each field has its own chance
    assert torch.allclose(together, torch.outer(*shares[:, 0].exp().split(6)), atol=8e-3)


def test_numbers_of_a_class_are_moved_to_the_mean_that_noisy_ones_have_there():
    mean, variance, signal, noise = 1.2, 0.3, 0.8, 0.6
    z = mean + variance**0.5 * torch.randn(400_000, generator=generator(0, "z"))
    x = signal * z + noise * torch.randn(400_000, generator=generator(0, "x"))
    near = (x - 0.5).abs() < 0.05
    one = torch.ones(1, 1)
    moved = Noisy(0.5 * one, signal * one, noise * one).moved(mean * one, variance * one)
    assert float(signal * 0.5 + moved) == pytest.approx(float(z[near].mean()), abs=0.02)


def test_what_is_known_of_a_row_tells_its_class_as_bayes_says(learned):
    codec, grown = learned
    cells, scores = codec.cells["stays", "rows"], codec.encode(grown)
    rows = scores["stays"].of_rows(np.arange(30))[0]
    known = torch.ones(rows.shape, dtype=torch.bool)
    known[:, codec.class_channels("stays")], known[:10] = False, False
    said = codec.classes.told(("stays", "rows"), cells, rows, known)
    assert not said[:10].any()
    naming, of_own = Naming(cells), slice(1 + cells.classes_above, None)
    levels = naming.levels(rows) & known[:, naming.first][:, naming.field]
    mean, variance = (torch.from_numpy(of) for of in cells.spread[of_own].transpose(1, 0, 2))
    for row in range(10, 30):
        there, z = known[row], rows[row]
        in_class = torch.distributions.Normal(mean, variance.sqrt()).log_prob(z)
        anywhere = torch.distributions.Normal(0.0, 1.0).log_prob(z)
        told = (in_class - anywhere)[:, there].sum(1) + torch.from_numpy(cells.expected[of_own])[:, levels[row]].sum(1)
        assert np.allclose(said[row], told, atol=1e-3)


@pytest.fixture(scope="module")
def practice():
    """(codec, tables in the order of its tree): patients of two kinds, who have visits of other types, four each."""
    draw, patients, visits = np.random.default_rng(1), [], []
    for p in range(200):
        types = (["check", "vaccine", "advice"], ["surgery", "dialysis", "infusion"])[p % 2]
        patients.append((f"P{p}", str(draw.choice(["f", "m"]))))
        days = date(2026, 1, 1).toordinal() + np.sort(draw.choice(300, 4, replace=False))
        visits += [(f"P{p}V{v}", f"P{p}", date.fromordinal(day), str(draw.choice(types))) for v, day in enumerate(days)]
    rows = [(visit, name) for visit, *_ in visits for name in draw.choice(["a", "b", "c"], 2)]
    frames = {
        "patients": pl.DataFrame(patients, schema=["patient_id", "sex"], orient="row"),
        "visits": pl.DataFrame(visits, schema=["visit_id", "patient_id", "day", "type"], orient="row"),
        "drugs": pl.DataFrame(rows, schema=["visit_id", "drug"], orient="row"),
    }
    tables = read_linked(frames, name="practice")
    grown = grow(tables)
    return LinkedCodec.fit(LinkedForms.of(tables.schema, grown), grown, {}), grown


def kinds_of(codec, grown):
    """float64 [classes], how many of the patients of each class are of the second kind."""
    of = codec.classes_of("patients", codec.encode(grown))
    kind = np.array([int(key[1:]) % 2 for key in grown.frames["patients"]["patient_id"]])
    return np.bincount(of, kind, codec.classes.count("patients")) / np.bincount(of)


def test_classes_of_patients_are_such_that_have_the_rows_that_are_asked_for(practice):
    codec, grown = practice
    share, n = kinds_of(codec, grown), 400
    drawn = []
    for where in ([], ["visits.type=surgery"], ["any visits.type=check"]):
        made = {"patients": TableScores.begun(np.arange(n), n, codec.widths("patients"))}
        draw_classes(codec, "patients", made, (0, "x"), parted(codec, where)[1])
        drawn.append(share[codec.classes_of("patients", made)].mean())
    assert drawn[0] == pytest.approx(0.5, abs=0.1) and drawn[1] > 0.8 and drawn[2] < 0.2


def test_a_class_of_patients_who_have_lived_goes_with_their_visits(practice):
    codec, grown = practice
    scores = {table: one.drawn(None) for table, one in codec.encode(grown).items()}
    of = codec.classes_of("patients", scores)
    scores["patients"].groups[..., codec.class_channels("patients")] = torch.nan
    blind = {table: replace(one, groups=one.groups.clone()) for table, one in scores.items()}
    draw_classes(codec, "patients", scores, (0, "x"), lived=True)
    draw_classes(codec, "patients", blind, (0, "x"))
    share = kinds_of(codec, grown)
    near, by_chance = (np.abs(share[codec.classes_of("patients", one)] - share[of]).mean() for one in (scores, blind))
    assert near < 0.15 < 0.3 < by_chance


def test_numbers_of_groups_that_are_numbers_alone_are_told_by_classes_too(practice):
    codec, grown = practice
    few = {(table, what): cells for (table, what), cells in codec.cells.items() if not cells.levels}
    assert few and set(few) <= set(codec.classes.spread)
    scores = codec.encode(grown)
    for table, what in few:
        assert what == "group"
        of, z = codec.known_by(table, what, scores, False), scores[table].of_groups(np.arange(len(scores[table])))[0].numpy()
        for channel in range(z.shape[1]):
            mean = np.bincount(of, z[:, channel]) / (np.bincount(of) + 1)
            assert np.allclose(few[table, what].spread[1 : len(mean), 0, channel], mean[1:], atol=0.01)


def test_a_number_that_most_have_is_as_wide_in_its_class_as_its_interval(practice):
    ends, all_of = torch.tensor([[-8.0], [1.0]])[:, None].expand(2, 4000, 1), np.arange(4000)
    groups = TableScores(all_of, all_of, ends, np.zeros(4001, np.int64), torch.zeros(2, 0, 0), torch.zeros(0))
    cell, first = ("visits", "group"), np.ones(4000, dtype=np.int64)
    cells = {cell: Cells(1, classes_above=1)}
    said = Classes().expecting(practice[1].tree, {"visits": groups}, cells, lambda *_: first, lambda table: first)
    mean, variance = said.spread[cell][1, :, 0]
    normal, end = torch.distributions.Normal(0.0, 1.0), torch.tensor(1.0)
    beyond = normal.log_prob(end).exp() / normal.cdf(end)  # of a normal number below 1
    assert mean == pytest.approx(-float(beyond), abs=0.03)
    assert variance == pytest.approx(1 - float(beyond + beyond**2), abs=0.04)
