"""What is empty because another column says so: found without exception or chance, kept in what is made, not filled."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
import torch

from reverie.errors import UsageError
from reverie.records import RecordCodec
from reverie.records.emptiness import asked, obeyed
from reverie.records.fitting import to_fill
from reverie.records.generate import RecordSampler
from reverie.records.schema import ANY, EMPTY, Schema
from reverie.records.table import read_table
from reverie.samplers import DPMSolver, time_grid


def cohort(patients=60, seed=0, **changes):
    """Women and men with 4 visits each, of whom some died and to some of whom something happened."""
    draw = np.random.default_rng(seed)
    rows = []
    for i in range(patients):
        sex, dead, site = "FM"[i % 2], i % 5 == 0, "ABC"[i // 20]
        for v in range(4):
            event = draw.choice(["", "", "", "", "Rash", "Nausea"])
            row = {
                "id": i,
                "day": 30 * v + int(draw.integers(5)),
                "sex": sex,
                "dead": int(dead),
                "died": dt.date(2021, 1, 1) + dt.timedelta(days=i) if dead else None,
                "site": site,
                "pregnant": str(draw.choice(["yes", "no"])) if sex == "F" else None,
                "psa": round(float(draw.gamma(2)), 1) if sex == "M" and draw.random() < 0.8 else None,
                "event": str(event) or None,
                "grade": int(draw.integers(1, 4)) if event else None,
                "flag": "H" if draw.random() < 0.2 else None,
                "lab": round(float(draw.normal(10, 1)), 1) if draw.random() < 0.7 else None,
                "rare": round(float(draw.normal(10, 1)), 1) if draw.random() < 0.02 else None,
            }
            rows.append(row | {name: change(i, v, row) for name, change in changes.items()})
    return pl.DataFrame(rows, infer_schema_length=None)


def rules(frame, **reading):
    return {c.name: dict(c.asked_if) for c in read_table(frame, **reading).schema.columns if c.asked_if}


FOUND = {"died": {"dead": ("1",)}, "pregnant": {"sex": ("F",)}, "psa": {"sex": ("M",)}, "grade": {"event": (ANY,)}}


def test_rules_are_found_and_said():
    read = read_table(cohort())
    assert rules(cohort()) == FOUND
    assert any(note.startswith("psa is filled only where sex is M, without exception") for note in read.notes)
    assert any(note.startswith("grade is filled only where event is filled,") for note in read.notes)
    assert [c.name for c in read.schema.columns if not c.fill] == ["died", "event", "flag"]
    assert not any(c.asked_if for c in read_table("pbc2").schema.columns)


def test_text_that_is_made_anew_follows_rules_and_one_rule_is_said_once():
    """REDCap: what is asked at the first event only, the address of the patient among it."""
    rows = [
        (
            p,
            v,
            ["baseline", "later"][v > 0],
            *((f"pat{p}.x{p * 7 % 90 + 10}@mail.org", p % 2 + 1) if v == 0 else (None, None)),
        )
        for p in range(60)
        for v in range(3)
    ]
    table = read_table(pl.DataFrame(rows, ["patient", "day", "event", "email", "sex"], orient="row"))
    assert table.schema["email"].kind == "text" and table.schema["email"].asked_if == {"event": ("baseline",)}
    said = [note for note in table.notes if "filled only where" in note]
    assert len(said) == 1 and said[0].startswith("email, sex are filled only where event is baseline, without exception")
    made = pl.DataFrame({"event": ["baseline", "later"], "email": ["a@b.org", "c@d.org"], "sex": [1, 2]})
    assert obeyed(made, table.schema)["email"].to_list() == ["a@b.org", None]


def test_one_exception_or_too_few_patients_make_no_rule():
    few = (0, 2, 7, 10)
    once = cohort(pregnant=lambda i, v, r: "no" if (i, v) == (1, 2) else r["pregnant"])
    women = cohort(sex=lambda i, v, r: "MF"[i in few], psa=lambda i, v, r: None if i in few else 1.5 + i + v)
    dead = cohort(dead=lambda i, v, r: int(i < 2), died=lambda i, v, r: dt.date(2021, 1, 1 + i) if i < 2 else None)
    assert "pregnant" not in rules(once) and "psa" not in rules(women) and "died" not in rules(dead)


@pytest.mark.parametrize("seed", range(5))
def test_emptiness_by_chance_is_no_rule(seed):
    draw = np.random.default_rng(seed)
    frame = pl.DataFrame({"id": np.repeat(np.arange(40), 4), "day": np.tile(np.arange(4), 40)}).with_columns(
        *[pl.Series(f"group{k}", np.repeat(draw.choice(list("ABCDE"), 40), 4)) for k in range(4)],
        *[pl.Series(f"state{k}", draw.choice(list("ABCDE"), 160)) for k in range(4)],
        *[
            pl.Series(f"lab{k}", np.where(draw.random(160) < 0.03 * (k + 1), draw.normal(size=160), np.nan))
            for k in range(8)
        ],
    )
    assert not rules(frame)


def test_panels_that_are_measured_together_are_no_events():
    def together(value):
        return lambda i, v, r: value(i, v) if v else None

    frame = cohort(
        a=together(lambda i, v: i + v / 10),
        b=together(lambda i, v: 1 + (i + v) % 3),
        c=together(lambda i, v: "+-"[v % 2]),
    )
    assert rules(frame) == FOUND  # seldom empty: not known rather than nothing


def test_rules_lead_from_one_column_to_the_next_but_not_back():
    frame = cohort(
        week=lambda i, v, r: 1 + i % 30 + v if r["pregnant"] == "yes" else None,
        term=lambda i, v, r: r["event"] and r["event"].upper(),
    )
    found = rules(frame)
    assert found["week"] == {"sex": ("F",), "pregnant": ("yes",)}
    assert found["term"] == {"event": (ANY,)} and "event" not in found
    empty = obeyed(frame.with_columns(sex=pl.lit("M")), read_table(frame).schema)
    assert empty["pregnant"].null_count() == empty["week"].null_count() == frame.height


def test_a_missing_state_is_one_like_others():
    unknown = {"sex": lambda i, v, r: None if i % 6 == 0 else r["sex"]}
    frame = cohort(**unknown, pregnant=lambda i, v, r: "no" if i % 6 == 0 else r["pregnant"])
    assert rules(frame)["pregnant"] == {"sex": ("F", EMPTY)}
    schema = read_table(frame).schema
    some = pl.DataFrame({"sex": ["F", "M", None]})
    assert asked(some, schema["pregnant"]).to_list() == [True, False, True]


def test_a_schema_keeps_rules_and_a_user_may_add_and_strike_them():
    schema = read_table(cohort()).schema
    assert Schema.from_yaml(schema.yaml(), "a.yaml") == schema
    text = schema.yaml().replace("  asked_if:\n    dead:\n    - '1'\n", "  asked_if:\n    dead: [1]\n")
    assert "dead: [1]" in text and Schema.from_yaml(text, "a.yaml") == schema
    struck = schema.model_copy(update={"columns": tuple(c.model_copy(update={"asked_if": {}}) for c in schema.columns)})
    assert not any(c.asked_if for c in read_table(cohort(), struck).schema.columns)


MORE = "grade: [(any)]\n- name: more\n  role: varying\n  kind: real\n  asked_if: {more: [(any)]}"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("dead:\n    - '1'", "alive:\n    - '1'", "died is asked_if alive, and there is no such column"),
        ("dead:\n    - '1'", "dead:\n    - '2'", "died is asked_if dead is '2', which is no level of dead"),
        ("dead:\n    - '1'", "dead: []", "died is asked_if dead without a level"),
        ("dead:\n    - '1'", "id: [A]", "identifier and time have no such rules"),
        ("dead:\n    - '1'", "event: [Rash]", "died is static and asked_if event, which varies"),
        ("sex:\n    - F", MORE, "more is asked_if of itself"),
    ],
)
def test_a_rule_that_cannot_be_is_one_sentence(old, new, words):
    text = read_table(cohort()).schema.yaml()
    assert old in text
    with pytest.raises(UsageError, match=words.replace("(", r"\(")):
        Schema.from_yaml(text.replace(old, new, 1), "a.yaml")


@pytest.fixture(scope="module")
def drawn(gaussian):
    """500 patients of a network that has learned nothing of the rules."""
    codec = RecordCodec.fit(read_table(cohort()))
    blind = gaussian.Ignorant()
    maker = RecordSampler(blind, codec, DPMSolver(), time_grid(blind.process.schedule, 10))
    return codec, maker.shard(0, 500, seed=1)[0]


def test_what_is_made_breaks_no_rule_whatever_a_network_answers(drawn):
    codec, records = drawn
    frame = codec.decode(records).frame
    schema = codec.schema
    for column in schema.columns:
        if column.asked_if:
            may = asked(frame, column)
            assert frame[column.name].filter(~may).null_count() == (~may).sum() > 0, column.name
            assert frame[column.name].count() > 0
    women, events = frame.filter(sex="F"), frame.filter(pl.col("event").is_not_null())
    assert women["pregnant"].null_count() == 0, "each woman was asked in the source, so each is here"
    assert events["grade"].null_count() == 0
    assert 0 < frame.filter(sex="M")["psa"].null_count() < frame.filter(sex="M").height


def test_values_that_rules_leave_empty_are_not_drawn(drawn):
    codec, records = drawn
    frame = codec.decode(records).frame
    (channel,) = next(f for f in codec.fields if f.name == "value:psa").channels
    present = torch.arange(records.known.shape[1] - 1) < records.visits[:, None]
    known = records.known[:, 1:, channel][present].numpy()
    assert not known[(frame["sex"] == "F").to_numpy()].any() and (known == frame["psa"].is_not_null().to_numpy()).all()
    names = {f.name for f in codec.fields}
    assert "measured:psa" in names and not {"measured:pregnant", "measured:grade"} & names


def test_tables_with_rules_come_back_from_their_codes():
    table = read_table(cohort())
    codec = RecordCodec.fit(table)
    encoded = codec.encode(table)
    back = codec.decode(encoded.records(np.arange(len(table)), torch.Generator().manual_seed(0))).frame
    assert back.drop("id").equals(table.frame.drop("id"))


def test_columns_whose_emptiness_tells_are_filled_only_if_named():
    schema = read_table(cohort()).schema
    assert to_fill(schema, None) == ("sex", "dead", "site", "pregnant", "psa", "grade", "lab", "rare")
    assert to_fill(schema, ["flag", "lab", "flag"]) == ("flag", "lab")
