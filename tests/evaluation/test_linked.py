"""Linked tables: real patients are not flagged, planted faults are, each where it was planted."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from reverie.errors import DataError
from reverie.evaluation import privacy
from reverie.evaluation.linked import Hospital, Plan, Sides
from reverie.evaluation.linked.areas import ACROSS
from reverie.evaluation.linked.lives import lives
from reverie.evaluation.linked.single import of_tables
from reverie.records.linked import read_linked

PATIENTS = 240
NOON = pl.lit("noon")
HOUR = timedelta(hours=1)
DRUGS = ["heparin", "insulin", "morphine", "furosemide"]


def hospital(seed, first=0, count=PATIENTS):
    """Patients with stays, tests, drugs with an end and codes: the sick stay longer, have more tests, and insulin."""
    draw = np.random.default_rng(seed)
    stays, labs, drugs, codes, people = [], [], [], [], []
    for p in range(first, first + count):
        sick, begin = draw.random() < 0.4, datetime(2024, 1, 1) + timedelta(days=float(draw.uniform(0, 300)))
        dies = sick and draw.random() < 0.3
        people.append((f"P{p}", "F" if draw.random() < 0.5 else "M", int(draw.integers(20, 90))))
        for s in range(1 + draw.poisson(1.5 if sick else 0.5)):
            key, hours = f"S{p}-{s}", float(draw.gamma(4, 18 if sick else 6)) + 1
            end = begin + timedelta(hours=hours)
            stays.append(
                (key, f"P{p}", begin.replace(microsecond=0), end.replace(microsecond=0), "inpatient" if sick else "day")
            )
            value = draw.normal(8 if sick else 5, 1)
            for at in np.sort(draw.uniform(0, hours, 2 + draw.poisson(4 if sick else 1))):
                value += draw.normal(0, 0.2)
                when = (begin + timedelta(hours=float(at))).replace(microsecond=0)
                labs.append((key, f"P{p}", "glucose" if draw.random() < 0.7 else "lactate", when, round(float(value), 2)))
            for _ in range(draw.poisson(2) if sick else 0):
                a, b = np.sort(draw.uniform(0, hours, 2))
                drug = DRUGS[draw.choice(4, p=[0.2, 0.5, 0.2, 0.1])]
                drugs.append((key, drug, *((begin + timedelta(hours=float(t))).replace(microsecond=0) for t in (a, b))))
            codes += [
                (key, c) for c, share in (("E11", 0.8 * sick), ("N18", 0.7 * sick), ("J45", 0.3)) if draw.random() < share
            ]
            if dies:
                break
            begin = end + timedelta(days=float(draw.gamma(2, 20)))
    return {
        "patients": pl.DataFrame(people, schema=["patient_id", "sex", "age"], orient="row"),
        "stays": pl.DataFrame(stays, schema=["stay_id", "patient_id", "start_time", "end_time", "type"], orient="row"),
        "labs": pl.DataFrame(labs, schema=["stay_id", "patient_id", "test", "charttime", "value"], orient="row"),
        "drugs": pl.DataFrame(drugs, schema=["stay_id", "drug", "start_time", "stop_time"], orient="row"),
        "codes": pl.DataFrame(codes, schema=["stay_id", "icd_code"], orient="row"),
        "d_tests": pl.DataFrame({"test": ["glucose", "lactate"], "unit": ["mmol/L", "mmol/L"]}),
    }


@pytest.fixture(scope="module")
def real():
    return [read_linked(hospital(seed, 1000 * seed), name=f"part {seed}") for seed in range(3)]


@pytest.fixture(scope="module")
def plan(real):
    return Plan.of(real[:2])


def measured(real, area, **changed):
    """The measures of an area, by name, with tables of the synthetic patients changed."""
    frames = dict(real[2].frames) | {name: change(real[2].frames[name]) for name, change in changed.items()}
    section = area(Sides.read(real[0], real[1], replace(real[2], frames=frames)))
    return {m.name: m for m in section.measures}


def renamed(frame, letter):
    return frame.with_columns(pl.col(k).str.replace("^", letter) for k in ("patient_id", "stay_id") if k in frame.columns)


def flagged(measures, *kinds):
    return {name for name, m in measures.items() if m.verdict in (kinds or ("fault",))}


INTEGRITY, _, TIES, TIMES, CODES, WHOLE = ACROSS


def test_the_plan_says_what_rows_are_about(plan):
    assert plan.entity == "patients" and plan.lookups == ["d_tests"]
    assert {lane.name: lane.code for lane in plan.below} == {
        "stays": "type", "labs": "test", "drugs": "drug", "codes": "icd_code",
    }  # fmt: skip
    assert plan["labs"].value == "value" and plan["codes"].borrows and plan["drugs"].end == "stop_time"
    assert [stay.name for stay in plan.stays] == ["stays"]


def test_codes_are_called_as_the_lookup_says_and_those_of_one_name_by_their_code_too():
    items = pl.DataFrame({"itemid": [1, 2, 3], "unit": ["g"] * 3, "label": ["Sodium", "Sodium", "Lactate"]})
    rows = [(p, 1 + i % 3, float(i)) for p in range(30) for i in range(6)]
    labs = pl.DataFrame(rows, schema=["patient_id", "itemid", "value"], orient="row")
    people = pl.DataFrame({"patient_id": range(30), "sex": ["F", "M"] * 15})
    lane = Plan.of([read_linked({"patients": people, "labs": labs, "d_items": items})])["labs"]
    assert lane.code == "itemid"
    assert [lane.called(level) for level in ("1", "2", "3", "4")] == ["Sodium (1)", "Sodium (2)", "Lactate", "4"]


@pytest.mark.parametrize("area", [*ACROSS, privacy.adversarial, privacy.membership], ids=lambda area: area.name)
def test_other_patients_are_no_fault(real, area):
    measures = measured(real, area)
    assert not flagged(measures) and len(flagged(measures, "look")) <= 1
    assert any(m.verdict == "fine" for m in measures.values())


def test_each_table_by_itself_is_fine_for_other_patients(real, plan):
    for area in of_tables(plan):
        assert not flagged(measured(real, area)), area.name


def test_codes_of_a_table_in_which_no_synthetic_patient_has_a_row_do_not_occur(real):
    measures = measured(real, CODES, drugs=lambda f: f.clear())
    assert measures["linked.occur.drugs"].value == 0 and measures["linked.carried.drugs"].value == 1


def test_a_row_for_nobody_is_counted_and_named(real):
    lost = measured(
        real,
        INTEGRITY,
        labs=lambda f: f.with_columns(stay_id=pl.when(pl.int_range(pl.len()) < 3).then(pl.lit("S?")).otherwise("stay_id")),
    )
    ties = lost["logic.linked.ties"]
    assert (
        ties.verdict == "fault"
        and "labs.stay_id (3)" in ties.how
        and measured(real, INTEGRITY)["logic.linked.ties"].value == 0
    )


def test_a_row_of_another_patient_is_counted(real):
    swapped = measured(
        real,
        INTEGRITY,
        labs=lambda f: f.with_columns(
            patient_id=pl.when(pl.int_range(pl.len()) == 5).then(pl.lit("P2239")).otherwise("patient_id")
        ),
    )
    assert "another patient) (1)" in swapped["logic.linked.ties"].how


def test_rules_across_tables_are_found_and_one_break_is_a_fault(real):
    found = measured(real, INTEGRITY)
    rules = {"labs.charttime >= stays.start_time", "labs.charttime <= stays.end_time", "drugs.stop_time <= stays.end_time",
             "stays.start_time <= stays.end_time", "a row of stays for each of patients",
             "no row of drugs for each of stays where type is day"}  # fmt: skip
    assert {f"logic.linked.rule.{rule}" for rule in rules} <= set(found)
    late = measured(
        real,
        INTEGRITY,
        drugs=lambda f: f.with_columns(
            stop_time=pl.when(pl.int_range(pl.len()) == 0)
            .then(pl.col("stop_time") + timedelta(days=900))
            .otherwise("stop_time")
        ),
    )
    assert "logic.linked.rule.drugs.stop_time <= stays.end_time" in flagged(late) and "logic.linked.rules" in flagged(late)
    assert "1 row of" in late["logic.linked.rule.drugs.stop_time <= stays.end_time"].how


def test_nothing_happens_after_death(real):
    def dying(tables):
        last = tables.frames["stays"].group_by("patient_id").agg(death_time=pl.col("end_time").max())
        return replace(
            tables,
            frames=dict(tables.frames) | {"patients": tables.frames["patients"].join(last, on="patient_id", how="left")},
        )

    three = list(map(dying, real))
    found = measured(three, INTEGRITY)["logic.linked.rule.labs.charttime <= patients.death_time"]
    assert found.verdict == "fine" and found.value == 0
    late = measured(three, INTEGRITY, labs=lambda f: f.with_columns(pl.col("charttime") + timedelta(days=400)))
    assert "logic.linked.rule.labs.charttime <= patients.death_time" in flagged(late)


def test_lookups_are_to_be_carried_over(real):
    changed = measured(real, INTEGRITY, d_tests=lambda f: f.with_columns(unit=pl.lit("mg/dL")))
    assert changed["logic.linked.lookups"].value == 4 and changed["logic.linked.lookups"].verdict == "fault"


def test_of_a_vocabulary_the_rows_that_are_named_are_to_be_carried_over(real):
    """Reading one leaves out what no row names."""
    items = pl.DataFrame({"itemid": [1, 2], "label": ["glucose", "lactate"]})
    numbered = [
        {**each.frames, "labs": each.frames["labs"].rename({"test": "itemid"}), "d_tests": items} for each in real[1:]
    ]
    for frames in numbered:
        frames["labs"] = frames["labs"].with_columns(pl.col("itemid").replace_strict({"glucose": 1, "lactate": 2}))
    first, second = map(read_linked, numbered)
    frames = {**second.frames, "labs": second.frames["labs"].filter(pl.col("itemid") == 1)}
    for kept, count in ((1, 0), (2, 1)):
        made = replace(second, frames={**frames, "d_tests": items.filter(pl.col("itemid") == kept)}, standard="omop")
        found = {m.name: m.value for m in INTEGRITY(Sides.read(first, None, made)).measures}
        assert found["logic.linked.lookups"] == count


@pytest.mark.parametrize(
    ("area", "name", "table", "change"),
    [
        (TIES, "linked.children.labs~stays", "labs", lambda f: f.filter(pl.int_range(pl.len()).over("stay_id") < 2)),
        (TIES, "linked.place.labs~stays", "labs", lambda f: f.with_columns(pl.col("charttime").min().over("stay_id"))),
        (TIES, "linked.delay.labs~stays", "labs", lambda f: f.with_columns(pl.col("charttime") + timedelta(hours=20))),
        (TIMES, "linked.duration.stays", "stays", lambda f: f.with_columns(end_time=pl.col("start_time") + 30 * HOUR)),
        (TIMES, "linked.hour.stays", "stays", lambda f: f.with_columns(pl.col("start_time").dt.truncate("1d") + 3 * HOUR)),
        (TIMES, "linked.gap.stays", "stays", lambda f: f.with_columns(pl.col("start_time").shuffle(1))),
        (TIMES, "linked.change.labs.glucose", "labs", lambda f: f.with_columns(pl.col("value").shuffle(1))),
        (TIMES, "linked.next.drugs", "drugs", lambda f: f.with_columns(drug=pl.col("drug").first().over("stay_id"))),
        (CODES, "linked.code.drugs", "drugs", lambda f: f.with_columns(drug=pl.lit("heparin"))),
        (CODES, "linked.occur.drugs", "drugs", lambda f: f.with_columns(drug=pl.col("drug").replace("morphine", "heparin"))),
        (CODES, "linked.value.labs.glucose", "labs", lambda f: f.with_columns(pl.col("value") * 1.3)),
        (CODES, "linked.together.stays.codes", "codes", lambda f: f.with_columns(pl.col("icd_code").shuffle(1))),
        (CODES, "linked.together.stays.stays~codes", "codes", lambda f: f.with_columns(pl.col("icd_code").shuffle(1))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_fault_across_tables_is_found_where_it_was_planted(real, area, name, table, change):
    assert name in flagged(measured(real, area, **{table: change}), "fault", "look")


def test_a_classifier_of_whole_patients_sees_what_no_table_shows(real):
    """Laboratory results dealt out to other patients: each table is as it was, but they do not go together."""

    def dealt(frame):
        stays = real[2].frames["stays"].select("stay_id", "patient_id")
        other = stays["patient_id"].unique(maintain_order=True)
        to = dict(zip(other, other.shuffle(3), strict=True))
        return frame.with_columns(patient_id=pl.col("patient_id").replace(to))

    measures = measured(real, WHOLE, labs=dealt)
    assert measures["linked.whole.auc"].verdict == "fault"


def test_copies_of_patients_are_found_by_every_attack(real, plan):
    train = Hospital.read(real[0], plan, "train")
    copied = replace(train.of(np.arange(PATIENTS // 2)), name="copies")
    keyed = {name: renamed(frame, "X") for name, frame in copied.frames.items()}
    sides = Sides.read(real[0], real[1], replace(copied, frames=keyed))
    from reverie.evaluation.linked.copies import copies

    found = {m.name: m for area in (copies, privacy.adversarial, privacy.membership) for m in area(sides).measures}
    assert found["privacy.linked.copies"].value == 1 and found["privacy.linked.sequences"].value == 1
    assert {"privacy.linked.copies", "privacy.nearest.close", "privacy.membership.auc"} <= flagged(found)


def test_the_measures_do_not_know_names_of_keys_nor_order_of_rows(real):
    """Another hospital's numbering, and rows in any order, are the same patients."""
    sides = Sides.read(*real)
    frames = {name: renamed(frame, "Z") for name, frame in real[2].frames.items()}
    frames = {
        name: frame.sample(fraction=1, shuffle=True, seed=1) if name != "patients" else frame
        for name, frame in frames.items()
    }
    again = Sides.read(real[0], real[1], replace(real[2], frames=frames))
    assert {k: s.value for k, s in again.scores.items()} == pytest.approx(
        {k: s.value for k, s in sides.scores.items()}, nan_ok=True
    )


def test_a_table_of_which_no_synthetic_patient_has_a_row_is_a_fault_and_no_error(real):
    none = measured(real, TIES, drugs=lambda frame: frame.clear())
    assert "linked.children.drugs~stays" in flagged(none) and none["linked.place.drugs~stays"].value == 1


def test_of_fewer_synthetic_patients_than_are_drawn_those_are_who_have_an_event(real):
    few, made = dict(real[2].frames), real[2].frames["patients"].head(2)["patient_id"]
    for name, frame in few.items():
        keep = made.head(1 + (name == "patients")).implode()  # the second has nothing else
        if "patient_id" in frame.columns:
            few[name] = frame.filter(pl.col("patient_id").is_in(keep))
    for name, frame in few.items():
        if "patient_id" not in frame.columns and "stay_id" in frame.columns:
            few[name] = frame.filter(pl.col("stay_id").is_in(few["stays"]["stay_id"].implode()))
    panels = lives(Sides.read(real[0], real[1], replace(real[2], frames=few))).figures["lives"]["panels"]
    whole = [panel for panel in panels if panel["of"] == "synthetic" and "one stay" not in panel["title"]]
    assert len(whole) == 1 and all(panel["items"] for panel in panels)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: {n: x for n, x in f.items() if n != "drugs"}, "has no table drugs: give all tables"),
        (lambda f: f | {"labs": f["labs"].drop("value")}, "has no column 'value': give all columns"),
        (lambda f: f | {"labs": f["labs"].with_columns(charttime=NOON)}, "'noon' in data row 1, and the real .* date-times"),
        (lambda f: f | {"labs": f["labs"].with_columns(value=NOON)}, "'noon' in data row 1, and the real .* numbers"),
        (lambda f: f | {"patients": f["patients"].clear()}, "patients has no rows"),
    ],
)  # fmt: skip
def test_tables_that_cannot_be_compared_are_refused_in_a_sentence(real, change, said):
    with pytest.raises(DataError, match=said):
        Sides.read(real[0], real[1], replace(real[2], frames=change(dict(real[2].frames))))


def test_a_patient_is_trained_on_or_held_out(real):
    with pytest.raises(DataError, match="part 0 and part 0 both have the patient P0: hold out other patients"):
        Sides.read(real[0], real[0], real[2])
