"""Rules kept in what is made: whatever was drawn, no row breaks one, and what was given stays as it was."""

import numpy as np
import polars as pl
import pytest
import torch

from reverie.errors import UsageError
from reverie.records import RecordCodec, Table, read_table
from reverie.records.conditions import Conditions
from reverie.records.rules import Rules
from reverie.records.settling import reaching, settled

RULES = (
    "group tells code (a: 1, b: 2, c: 1)",
    "day <= last_day",
    "last_day = 400 if event = 0",
    "event_day <= last_day",
    "event_day = last_day if event = 0",
    "low < high",
    "cigarettes tells smoker (0: no, else: yes)",
    "change = value - base",
    "base = first(value)",
    "dose = total(given)",
    "visit counts from 1",
    "age - first(age) = (day - first(day)) / 365.25",
    "disease stays yes",
    "grade never falls",
    "empty(scan) if visit = 1",
    "worst in (mild, severe) if disease = yes",
    "index = weight / height ^ 2",
    "score = pain + sleep",
    "state ends at dead",
)


def cohort(people: int = 120, seed: int = 0) -> pl.DataFrame:
    """People whose rows keep all of RULES."""
    g = np.random.default_rng(seed)
    n = g.integers(1, 6, people)
    who, R = np.repeat(np.arange(people), n), int(n.sum())
    first = np.cumsum(n) - n
    place = np.arange(R) - first[who]
    group, event = g.choice(["a", "b", "c"], people), g.integers(0, 2, people)
    day = np.array([60.0 * p for p in place]) + np.where(place > 0, g.integers(-20, 20, R), 0)
    last = np.where(event == 0, 400.0, np.maximum(np.maximum.reduceat(day, first), g.integers(50, 390, people)))
    event_day = np.where(event == 0, last, np.minimum(last, g.integers(1, 300, people)))
    low = g.integers(50, 100, R).astype(float)
    cigarettes = np.where(g.random(R) < 0.5, 0.0, g.integers(1, 40, R))
    base = g.normal(50, 10, people).round(1)
    value = np.where(place == 0, base[who], (base[who] + g.normal(0, 5, R))).round(1)
    given = g.integers(0, 5, R).astype(float)
    sick = place >= g.integers(0, 8, people)[who]
    grade = np.minimum(place + g.integers(0, 2, people)[who], 3)
    weight, height = g.normal(70, 12, R).round(1), g.normal(1.7, 0.1, people).round(2)[who]
    worst = np.where(sick, g.choice(["mild", "severe"], R), g.choice(["none", "mild"], R))
    age = g.integers(30, 70, people)[who]
    lasts = place == (n - 1)[who]
    state = np.where(lasts & (g.random(R) < 0.5), "dead", g.choice(["well", "ill"], R))
    pain, sleep = g.integers(0, 4, R), g.integers(1, 4, R)
    return pl.DataFrame(
        {
            "id": who,
            "day": day,
            "group": group[who],
            "code": np.array([{"a": 1, "b": 2, "c": 1}[x] for x in group])[who],
            "event": event[who],
            "last_day": last[who],
            "event_day": event_day[who],
            "low": low,
            "high": low + g.integers(1, 60, R),
            "cigarettes": cigarettes,
            "smoker": np.where(cigarettes == 0, "no", "yes"),
            "base": base[who],
            "value": value,
            "change": (value - base[who]).round(1),
            "given": given,
            "dose": np.concatenate([np.cumsum(part) for part in np.split(given, first[1:])]),
            "visit": place + 1.0,
            "age": (age + (day - day[first[who]]) / 365.25).round(3),
            "disease": np.where(sick, "yes", "no"),
            "grade": grade,
            "scan": pl.Series(g.integers(1, 100, R).astype(float)).set(pl.Series(place == 0), None),
            "worst": worst,
            "state": state,
            "pain": pain,
            "sleep": sleep,
            "score": pain + sleep,
            "weight": weight,
            "height": height,
            "index": (weight / height**2).round(2),
        }
    )


def shuffled(frame: pl.DataFrame, statics: tuple[str, ...], seed: int = 0) -> pl.DataFrame:
    """Every column but identifier and time in an order of its own: rows that break nearly every rule."""
    g = np.random.default_rng(seed)
    who = frame["id"].rle_id().to_numpy()
    firsts = frame.group_by("id", maintain_order=True).first()
    mixed = {}
    for name in frame.columns[2:]:
        static = name in statics
        order = g.permutation(len(firsts) if static else len(frame))
        mixed[name] = firsts[name][order][who] if static else frame[name][order]
    return frame.with_columns(**mixed)


@pytest.fixture(scope="module")
def table() -> Table:
    schema = read_table(cohort(), identifier="id", time="day").schema.model_copy(update={"rules": RULES})
    return read_table(cohort(), schema)


@pytest.fixture(scope="module")
def codec(table) -> RecordCodec:
    return RecordCodec.fit(table)


@pytest.fixture(scope="module")
def worst(table) -> pl.DataFrame:
    return shuffled(table.frame, tuple(c.name for c in table.schema.static))


def broken(frame: pl.DataFrame, table: Table) -> dict[str, int]:
    return {text: int(rows.sum()) for text, rows in Rules.of(table.schema).broken(frame).items() if rows.any()}


def test_the_made_cohort_keeps_its_rules_and_the_shuffled_one_breaks_them(table, worst):
    assert broken(table.frame, table) == {}
    assert len(broken(worst, table)) >= len(RULES) - 2


def test_columns_that_follow_from_others_have_no_score(codec):
    derived = {one.column for one in codec.derived}
    assert derived >= {"code", "smoker", "change", "dose", "visit", "index", "age", "score"}
    assert not {f"value:{name}" for name in derived - {"age"}} & set(codec.codes)
    assert {one.column for one in codec.derived if one.later} == {"age"}


def test_what_is_derived_comes_back_from_the_scores_of_the_others(table, codec):
    made = codec.decode(codec.encode(table).records(range(len(table)), None)).frame
    for name in ("code", "smoker", "change", "dose", "visit", "age", "index", "score"):
        assert made[name].equals(table.frame[name]), name


def test_nothing_that_is_made_breaks_a_rule(table, codec, worst):
    kept = codec.kept(worst)
    assert broken(kept, table) == {}
    assert kept.schema == worst.schema and kept["id"].equals(worst["id"])


def test_scores_drawn_at_random_decode_to_tables_without_a_broken_rule(table, codec):
    records = codec.encode(table).records(range(len(table)), torch.Generator().manual_seed(1))
    noise = torch.randn(records.values.shape, generator=torch.Generator().manual_seed(2))
    values = torch.where(records.known, noise, 0.0)
    visits = codec.visits(values).clamp(max=values.shape[1] - 1)
    made = codec.decode(type(records)(values, codec.known(values, visits), visits)).frame
    assert broken(made, table) == {}


def test_rows_are_kept_alike_wherever_they_stand(codec, worst):
    some = worst.filter(pl.col("id") >= 60)
    assert codec.kept(worst).filter(pl.col("id") >= 60).equals(codec.kept(some))


def test_what_was_given_is_never_moved(table, codec, worst):
    g = np.random.default_rng(1)
    for name in ("last_day", "value", "disease", "smoker", "event", "change", "score"):
        fixed = {name: g.random(table.frame.height) < 0.5}
        if table.schema[name].role == "static":
            fixed = {name: np.repeat(g.random(len(table)) < 0.5, table.lengths)}
        mixed = worst.with_columns(
            pl.when(pl.Series(fixed[name])).then(table.frame[name]).otherwise(pl.col(name)).alias(name)
        )
        kept = codec.kept(mixed, fixed)
        given = pl.Series(fixed[name])
        assert kept[name].filter(given).equals(table.frame[name].filter(given)), name
        assert broken(kept, table) == {}, name


def test_a_value_given_against_a_rule_stays_and_the_rule_is_counted(table, codec):
    frame = table.frame.with_columns(code=pl.lit(2, pl.Int64), group=pl.lit("a"))
    everything = np.ones(frame.height, dtype=bool)
    kept = codec.kept(frame, {"code": everything, "group": everything})
    assert kept["code"].equals(frame["code"]) and kept["group"].equals(frame["group"])
    assert Rules.of(codec.schema).counted(kept)[RULES[0]] == frame.height


def test_a_condition_on_a_derived_column_reaches_the_one_that_tells_it(table, codec):
    given = codec.given(pl.DataFrame({"code": ["1"] * 400}), torch.Generator().manual_seed(0))
    group = codec.statics(given.values)["group"]
    assert set(group) == {"a", "c"}
    assert 0.25 < (group == "a").mean() < 0.75


def test_statics_are_settled_before_visits_are_drawn(table, codec):
    values = torch.randn(300, 1, codec.channels, generator=torch.Generator().manual_seed(0))
    values = torch.where(codec.stage[None, :1] >= 0, values, 0.0)
    before, after = (
        codec.drawn_statics(values),
        codec.drawn_statics(settled(codec, values, torch.zeros_like(values, dtype=torch.bool))),
    )
    static = [c.name for c in table.schema.static]
    rules = [r for r in Rules.of(table.schema) if set(r.columns) <= set(static)]
    assert rules and not codec.statics(values)["event_day"].equals(before["event_day"])
    assert after["event_day"].equals(codec.statics(values)["event_day"])


def test_conditions_that_no_patient_can_meet_are_refused(codec):
    with pytest.raises(UsageError, match="group=a and code=2 cannot be, for every patient keeps the rule group tells code"):
        Conditions.of(codec, ["group=a", "code=2"], None)


def test_the_rules_of_a_codec_are_kept_with_it(codec, worst):
    again = RecordCodec.from_config(codec.config)
    assert again.derived == codec.derived
    assert again.kept(worst).equals(codec.kept(worst))


def test_what_a_given_derived_cell_leads_back_to_is_seen_by_the_model(table, codec):
    holes = table.frame.with_columns(
        value=pl.lit(None, pl.Float64), group=pl.lit(None, pl.String), cigarettes=pl.lit(None, pl.Float64)
    )
    seen = reaching(codec, holes, torch.Generator().manual_seed(0))
    assert seen["value"].equals(table.frame["value"])
    assert (seen["group"] == "b").equals(table.frame["code"] == 2)
    assert ((seen["cigarettes"] > 0) == (table.frame["smoker"] == "yes")).all()


def test_a_derived_column_that_a_rule_fills_stays_empty_where_what_it_follows_from_is(table):
    schema = table.schema.model_copy(update={"rules": (*RULES, "filled(code)")})
    codec = RecordCodec.fit(read_table(cohort(), schema))
    assert "code" in {one.column for one in codec.derived}
    unknown = np.repeat(np.arange(len(table)) < 3, table.lengths)
    fixed = {"group": ~unknown}
    frame = table.frame.with_columns(group=pl.when(~pl.Series(unknown)).then(pl.col("group")), code=pl.lit(None, pl.Int64))
    kept = codec.kept(frame, fixed)
    assert kept["code"].filter(~pl.Series(unknown)).equals(table.frame["code"].filter(~pl.Series(unknown)))


def test_statics_of_one_level_are_settled_though_they_have_no_channel():
    frame = cohort().with_columns(died=pl.when(pl.col("event") == 0).then(pl.lit("yes")))
    codec = RecordCodec.fit(read_table(frame, identifier="id", time="day"))
    field = next(field for field in codec.fields if field.name == "value:died")
    assert not field.channels and codec.keeps_rules
    values = torch.randn(50, 1, codec.channels, generator=torch.Generator().manual_seed(0))
    after = codec.statics(settled(codec, values, torch.zeros_like(values, dtype=torch.bool)))
    assert after["died"].drop_nulls().unique().to_list() == ["yes"]
    assert after["died"].equals(codec.statics(values)["died"])
