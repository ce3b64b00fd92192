"""Rules hold in all that a model of patients makes, whatever it has learned: weights are drawn here."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from reverie import export
from reverie.config import resolve
from reverie.errors import UsageError
from reverie.models import PatientModel
from reverie.records import Table, read_table
from reverie.records.rules import Rules
from reverie.sources import TableSource

SMALL = {"network.width": 16, "network.layers": 1, "network.heads": 2, "training.precision": "fp32"}
OWN = ("albumin < prothrombin", "histologic never falls", "serBilir < 60", 'ascites = Yes if edema = "edema no diuretics"')


@pytest.fixture(scope="module")
def table() -> Table:
    found = read_table("pbc2")
    assert {"year < years", "status tells status2 (alive: 0, dead: 1, transplanted: 0)"} <= set(found.schema.rules)
    return read_table("pbc2", found.schema.model_copy(update={"rules": (*found.schema.rules, *OWN)}))


@pytest.fixture(scope="module")
def model(drawn_model, table: Table) -> PatientModel:
    return drawn_model(table)


def broken(model: PatientModel, frame: pl.DataFrame) -> dict[str, int]:
    return Rules.of(model.codec.schema).counted(model.codec.schema.typed(frame))


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"guidance": 3.0},
        {"where": ["status2=1"]},
        {"where": ["years<1", "sex=male"]},
        {"where": ["age>60"]},
        {"sampler": "ancestral", "steps": 4},
    ],
)
def test_no_new_patient_breaks_a_rule(model, how):
    (made,) = model.shards(300, 1, **how)
    assert broken(model, made.frame) == {} and made.patients == 300
    assert made.drawn == made.kept or "where" in how


def test_what_is_asked_for_is_what_is_made(model):
    made = model.sample(200, seed=2, where=["status2=1", "years<4"])
    assert (made["status2"] == 1).all() and (made["status"] == "dead").all() and (made["years"] < 4).all()


def test_patients_who_are_given_keep_their_statics_and_the_rules(model):
    given = pl.DataFrame({"status2": ["1", "0", None] * 20, "years": ["0.3", "9", None] * 20})
    made = model.sample(given=given, seed=3)
    first = made.group_by("id", maintain_order=True).first()
    assert first["status2"].to_list()[:2] == [1, 0] and first["years"].to_list()[0] == pytest.approx(0.3, abs=0.003)
    assert broken(model, made) == {}


def test_no_hole_is_filled_and_no_visit_added_against_a_rule(model, table):
    some = table.take(range(80))
    holes = some.frame.with_columns(
        pl.when(pl.int_range(pl.len()) % 3 == 0).then(None).otherwise(pl.col(name)).alias(name)
        for name in ("histologic", "ascites", "albumin", "edema")
    ).with_columns(status2=pl.lit(None, pl.Int64))
    real = set(Rules.of(model.codec.schema).counted(some.frame))
    assert set(broken(model, model.impute(holes, seed=1)[0])) <= real
    alive = table.take([i for i in range(80) if table.frame["status"][int(table.offsets[i])] == "alive"])
    longer = model.forecast(alive.frame, 1, seed=1)[0]
    assert "status tells status2 (alive: 0, dead: 1, transplanted: 0)" not in broken(model, longer)


def test_given_values_that_break_a_rule_are_kept_and_told(model, table):
    frame = table.take(range(10)).frame.with_columns(
        status2=pl.lit(1, pl.Int64), status=pl.lit("alive"), serBilir=pl.lit(70.0), albumin=pl.lit(None, pl.Float64)
    )
    done = export.complete(model, frame)
    same, of = done.summary(Path("x.csv"))["given_values"].values()
    assert same == of
    rows = frame.height
    assert f"In {rows} rows the given values break the rule serBilir < 60: kept as given." in done.notes
    assert any("status tells status2" in note and "kept as given" in note for note in done.notes)


def test_a_summary_counts_the_rules_and_what_breaks_them(model, tmp_path):
    summary = export.patients(model, 50, tmp_path / "made.csv", settings={"steps": 2})
    assert summary["rules"] == len(model.codec.schema.rules) and summary["rules_broken"] == {}
    given = tmp_path / "given.csv"
    given.write_text("status,status2\nalive,1\nalive,1\n")
    summary = export.patients(model, None, tmp_path / "odd.csv", settings={"given": given, "steps": 2})
    assert summary["rules_broken"]["status tells status2 (alive: 0, dead: 1, transplanted: 0)"] == summary["rows"]


def test_conditions_against_a_rule_are_refused(model):
    with pytest.raises(UsageError, match="status=alive and status2=1 cannot be"):
        model.sample(10, where=["status=alive", "status2=1"])


def test_with_epsilon_rules_come_from_a_schema_that_is_told(table):
    config = resolve(TableSource(table).about, 0, "records", {**SMALL, "training.epsilon": 8.0, "training.aside": 0.0})
    inferred, stated = TableSource.read(read_table("pbc2")), TableSource.read(table.frame, schema=table.schema)
    found, told = (source.fit_codec(config, source.split(config), print) for source in (inferred, stated))
    assert found.schema.rules == () and found.derived == ()
    assert told.schema.rules == table.schema.rules
