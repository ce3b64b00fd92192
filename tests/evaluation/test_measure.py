"""One rule decides what is said of a measure, from the ceiling, its deviation and the smallest difference that matters."""

import json
import math

import pytest

from reverie.evaluation.measure import FAIL, WARN, Measure, judged, worst


def measure(value, **told):
    return Measure("area.thing", "A thing", value, 100, **told)


def verdict(value, tolerance=0.1, worse="away", chance=None, among=1, **told):
    return judged(measure(value, **told), tolerance=tolerance, worse=worse, chance=chance, among=among).verdict


def test_a_value_is_blamed_for_what_it_is_farther_from_the_ideal_than_the_ceiling():
    told = {"ceiling": 0.2, "ideal": 0.0}
    assert [verdict(v, **told) for v in (0.0, 0.2, 0.24, 0.26, 0.29, 0.31)] == ["fine"] * 3 + ["look"] * 2 + ["fault"]


def test_what_chance_can_make_is_not_blamed():
    told = {"ceiling": 0.5, "ideal": 0.5, "ceiling_deviation": 0.03, "deviation": 0.04}  # together 0.05
    assert verdict(0.5 + 0.05 * WARN - 0.001, tolerance=0, **told) == "fine"
    assert verdict(0.5 + 0.05 * WARN + 0.001, tolerance=0, **told) == "look"
    assert verdict(0.5 - 0.05 * FAIL - 0.001, tolerance=0, **told) == "fault"
    assert verdict(0.5 + 0.05 * WARN + 0.001, tolerance=0, chance=0.1, **told) == "fine"


def test_an_interval_stands_for_a_deviation_that_is_not_given():
    wide, narrow = ({"interval": (0.6 - 1.96 * s, 0.6 + 1.96 * s)} for s in (0.05, 0.001))
    assert (verdict(0.6, ceiling=0.5, **wide), verdict(0.6, tolerance=0.05, ceiling=0.5, **narrow)) == ("fine", "fault")


def test_without_an_ideal_the_ceiling_is_aimed_at_from_both_sides_and_without_a_ceiling_the_ideal():
    assert verdict(0.1, ceiling=0.3) == verdict(0.5, ceiling=0.3) == "fault"
    assert verdict(1.0, ideal=0.0) == "fault" and verdict(0.0, ideal=0.0) == "fine"
    assert verdict(0.5) == "unknown" == verdict(None, ceiling=0.5) == verdict(math.nan, ideal=0.0)


def test_one_side_can_be_the_worse_one():
    told = {"ceiling": 0.45, "ideal": 0.5}
    assert verdict(0.2, worse="above", **told) == "fine" and verdict(0.7, worse="above", **told) == "fault"
    assert verdict(0.54, worse="above", **told) == "fine"  # above the ceiling, but hardly above guessing
    assert verdict(0.9, worse="below", **told) == "fine" and verdict(0.3, worse="below", **told) == "fault"


def test_the_worst_of_many_must_be_farther_by_bonferroni():
    told = {"ceiling": 0.0, "ideal": 0.0, "ceiling_deviation": 1.0, "tolerance": 0}
    assert (
        verdict(5.5, **told) == "fault"
        and verdict(5.5, among=100, **told) == "look"
        and verdict(3.5, among=100, **told) == "fine"
    )


def test_the_reason_says_the_numbers_and_a_good_one_needs_none():
    found = judged(measure(0.7, unit="AUC", ceiling=0.5, ideal=0.5, ceiling_deviation=0.01), tolerance=0.05)
    assert found.why == "0.7 AUC against 0.5 of held-out patients: worse by 0.2, and chance moves it by about 0.01."
    assert judged(measure(0.5, ceiling=0.5), tolerance=0.1).why == ""


def test_a_measure_is_plain_data_without_nan():
    found = measure(math.nan, interval=(math.nan, 1.0), deviation=math.inf, floor=2)
    assert (found.value, found.interval, found.deviation, found.floor) == (None, None, None, 2.0)
    assert json.loads(json.dumps(found.json(), allow_nan=False))["name"] == "area.thing"


@pytest.mark.parametrize(
    ("verdicts", "gravest"), [(("fine", "look"), "look"), (("fault", "look"), "fault"), ((), "unknown")]
)
def test_the_gravest_verdict_speaks_for_many(verdicts, gravest):
    assert worst([Measure("a", "a", 0.0, 1, verdict=v) for v in verdicts]) == gravest


def test_what_is_sure_to_be_flagged_lies_two_deviations_beyond_the_limit_of_a_look():
    told = {"ceiling": 0.5, "ideal": 0.5, "deviation": 0.03, "ceiling_deviation": 0.04}  # together 0.05
    found = judged(measure(0.5, floor=0.9, **told), tolerance=0)
    assert found.detects == pytest.approx(0.05 * FAIL) and found.power == pytest.approx(0.4 / 0.25) and found.carries
    assert judged(measure(0.5, floor=0.9, **told), tolerance=0.6).detects == pytest.approx(0.3 + 0.05 * (FAIL - WARN))
    wide = judged(measure(0.5, floor=0.9, interval=(0.304, 0.696), **told), tolerance=0)  # 0.1 from patient to patient
    assert wide.detects == pytest.approx(0.05 * WARN + 0.1 * (FAIL - WARN), rel=1e-3) and wide.carries


def test_there_is_no_power_where_the_floor_passes_is_unknown_or_chance_is():
    told = {"ceiling": 0.2, "ideal": 0.0, "deviation": 0.01}
    assert not judged(measure(0.2, floor=0.25, **told), tolerance=0.1).carries
    assert not judged(measure(0.2, floor=0.1, **told), tolerance=0.1, worse="above").carries
    assert judged(measure(0.2, **told), tolerance=0.1).power is None
    alone = judged(measure(0.2, floor=0.9, ceiling=0.2, ideal=0.0), tolerance=0.1)  # of one repeat, no deviation is known
    assert alone.verdict == "fine" and alone.detects is None and not alone.carries
