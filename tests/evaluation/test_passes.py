"""A table in parts of whole patients gives the report of the table in memory, whatever the parts; what is counted is counted
over every row, and who is drawn of a large table hangs on nothing but the seed and who there is."""

import math

import numpy as np
import polars as pl
import pytest

from reverie.errors import DataError
from reverie.evaluation import passes
from reverie.evaluation.columns import columns
from reverie.evaluation.counted import ANY
from reverie.evaluation.fingerprints import Copied, Prints, Register
from reverie.evaluation.logic import logic
from reverie.evaluation.measure import Split
from reverie.evaluation.passes import Streamed
from reverie.evaluation.privacy import copies
from reverie.evaluation.sample import Sample
from reverie.evaluation.tables import Tables
from reverie.records import Schema, read_table
from reverie.records.places import ROW


def clinic(patients: int, seed: int) -> pl.DataFrame:
    """Visits of patients whose dose is below 10 or above 500, whose day never falls, and some of whom are weighed."""
    draw = np.random.default_rng(seed)
    lengths = draw.integers(1, 6, patients)
    who = np.repeat(np.arange(patients) + 10_000 * seed, lengths)
    rows = len(who)
    frame = pl.DataFrame(
        {
            "id": who,
            "day": np.concatenate([np.cumsum(draw.integers(1, 40, n)) for n in lengths]),
            "sex": np.repeat(draw.choice(["f", "m"], patients), lengths),
            "state": draw.choice(["well", "ill"], rows),
            "dose": draw.choice([0.0, 500.0], rows) + draw.uniform(1, 9, rows).round(2),
            "weight": draw.normal(70, 9, rows).round(1),
        }
    )
    return frame.with_columns(weight=pl.when(pl.Series(draw.random(rows) < 0.7)).then("weight"))


@pytest.fixture(scope="module")
def schema() -> Schema:
    found = read_table(pl.concat([clinic(200, 1), clinic(200, 2)]), identifier="id", time="day").schema
    return found.model_copy(update={"rules": ("weight < 85",)})


def cut(frame: pl.DataFrame, parts: int) -> list[pl.DataFrame]:
    """Parts of whole patients."""
    return [frame.filter(pl.col("id") % parts == k) for k in range(parts)]


def numbered(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(ROW))


@pytest.fixture
def small(monkeypatch):
    """Tables of more than 60 patients are large."""
    monkeypatch.setattr(passes, "Sample", lambda identifier, seed: Sample(identifier, seed, (60, 100_000)))


def test_who_is_drawn_hangs_on_the_seed_and_on_who_there_is_not_on_the_parts_nor_on_the_order():
    frame = numbered(clinic(300, 1))
    whole = Sample("id", 0, (60, 100_000)).add(frame).frame("table")
    assert whole["id"].n_unique() == 60 and whole.height == frame.filter(pl.col("id").is_in(whole["id"].implode())).height
    for parts in (cut(frame, 7), cut(frame, 2)[::-1], [frame.sort("id", descending=True, maintain_order=True)]):
        sample = Sample("id", 0, (60, 100_000))
        for part in parts:
            sample = sample.add(part)
        assert sample.frame("table").equals(whole)
    assert not Sample("id", 1, (60, 100_000)).add(frame).frame("table").equals(whole)


def test_a_sample_is_bounded_in_visits_too_and_takes_some_patients_however_many_visits_they_have():
    frame = clinic(300, 1)
    few = Sample("id", 0, (300, 400)).add(frame).frame("table")
    assert 390 <= few.height <= 400
    assert Sample("id", 0, (300, 3)).add(frame).frame("table")["id"].n_unique() == 100


def test_a_patient_in_two_parts_is_refused_in_a_sentence(schema):
    frame = clinic(50, 1)
    with pytest.raises(DataError, match="in the synthetic table the rows of one patient are in several files"):
        Tables.read(Split(frame, clinic(30, 2)), [frame[:20], frame[20:]], schema)


@pytest.mark.parametrize("parts", [1, 7])
def test_the_report_of_parts_is_that_of_the_table_in_memory(small, schema, parts):
    train, holdout, drawn = clinic(150, 1), clinic(80, 2), clinic(150, 3)
    drawn = drawn.with_columns(dose=pl.when(pl.int_range(pl.len()) % 50 == 0).then(100.0).otherwise("dose"))
    drawn = pl.concat([drawn, train[:9].with_columns(id=pl.lit(99_999, dtype=pl.Int64))])
    memory = Tables.read(Split(train, holdout), drawn, schema)
    split = Streamed([*zip(cut(numbered(train), parts), cut(numbered(holdout), parts), strict=True)], True)
    streamed = Tables.read(split, cut(numbered(drawn), parts), schema)
    assert len(memory.train) == len(memory.synthetic) == 60 and memory.sizes("training") == 150
    for area in (logic, columns, copies):
        one, other = area(memory), area(streamed)
        assert one.json() == other.json(), area.name


def test_counts_are_those_of_every_row_though_few_patients_are_drawn(small, schema):
    train, holdout, drawn = clinic(150, 1), clinic(80, 2), clinic(150, 3)
    drawn = drawn.with_columns(
        dose=pl.when(pl.int_range(pl.len()) % 50 == 0).then(100.0).otherwise("dose"),
        state=pl.when(pl.int_range(pl.len()) == 4).then(pl.lit("dead")).otherwise("state"),
    )
    tables = Tables.read(Split(train, holdout), cut(drawn, 3), schema)
    counts, heavy = tables.counts.synthetic, drawn.filter(pl.col("weight") >= 85)
    assert counts.patients == 150 and counts.rows == drawn.height
    assert counts.missing["weight"] == drawn["weight"].null_count()
    assert (counts.rows_breaking[ANY], counts.patients_breaking[ANY]) == (heavy.height, heavy["id"].n_unique())
    found = {m.name: m for m in (*logic(tables).measures, *columns(tables).measures)}
    real = pl.concat([train, holdout])["dose"]
    inside = drawn.filter(
        (pl.col("dose") > real.filter(real < 100).max()) & (pl.col("dose") < real.filter(real > 100).min())
    )
    assert found["logic.between"].value == inside.height >= 10 and found["logic.unseen"].value == 1
    lacking = found["fidelity.column.weight.missing"]
    assert lacking.value == pytest.approx(drawn["weight"].null_count() / drawn.height) and lacking.n == 150
    told = f"Of 230 real and 150 synthetic patients, {len(tables.references.real)} and 60 were drawn at random"
    assert any(note.startswith(told) for note in tables.references.notes)
    assert lacking.ceiling == pytest.approx(pl.concat([train, holdout])["weight"].is_null().mean())


def test_chance_moves_a_share_of_all_rows_less_than_one_of_those_drawn(schema, monkeypatch):
    tables = (clinic(400, 1), clinic(400, 2), clinic(400, 3))

    def deviation() -> float:
        read = Tables.read(Split(*tables[:2]), tables[2], schema)
        return next(m for m in columns(read).measures if m.name.endswith("weight.missing")).deviation or math.nan

    whole = deviation()
    monkeypatch.setattr(passes, "Sample", lambda identifier, seed: Sample(identifier, seed, (100, 100_000)))
    assert deviation() == pytest.approx(whole, rel=0.5) and whole < 0.02


def test_one_copied_visit_among_all_is_found_and_named_in_whatever_part(small, schema):
    train, holdout, drawn = clinic(150, 1), clinic(80, 2), clinic(150, 3)
    last = drawn.tail(1)["id"][0]
    drawn = pl.concat([drawn, train[7:8].with_columns(id=pl.lit(last, dtype=pl.Int64))])
    section = copies(Tables.read(Split(train, holdout), cut(drawn, 4), schema))
    assert section.figures["copies"]["rows"] == [[str(last), str(train["id"][7]), 1]]
    assert {m.name: m.value for m in section.measures}["privacy.copies.visits"] == pytest.approx(1 / drawn.height)
    assert any("150 synthetic patients were looked for among all 150 training patients" in note for note in section.notes)


def test_records_are_equal_where_every_cell_is_to_nine_digits_and_visits_stand_in_one_order(schema):
    frame = clinic(20, 1)
    register = Register.of([((p := Prints.of(frame, schema)).names, p.offsets, p.visits, p.records(True))])

    def copied(other: pl.DataFrame) -> tuple[int, int]:
        found = Copied.of(Prints.of(other, schema), register)
        return found.patients[0], found.visits[0]

    assert copied(frame) == copied(frame.with_columns(dose=pl.col("dose") * (1 + 1e-13))) == (20, frame.height)
    assert copied(frame.with_columns(dose=pl.col("dose") * (1 + 1e-7))) == (0, 0)
    single = int((frame["id"].value_counts()["count"] == 1).sum())
    assert copied(frame.reverse()) == (single, frame.height)  # all visits, and patients of one visit alone


def test_training_patients_given_as_synthetic_are_others_than_those_drawn_of_a_large_table(small, schema):
    train = clinic(400, 1)
    tables = Tables.read(Split(train, clinic(80, 2)), clinic(150, 3), schema)
    shared = set(tables.split.train["id"]) & set(tables.leaked.drawn["id"])
    assert 60 * 60 / 400 / 3 < len(shared) < 60 * 60 / 400 * 3
    assert tables.leaked.counts.synthetic.patients == 400 and tables.leaked.counts.copied["synthetic"].patients == (400, 400)
