"""The verdict's sentences follow from the measures by the rules of its module, and from nothing else."""

from dataclasses import replace

import pytest

from reverie.evaluation.areas import AREAS
from reverie.evaluation.linked.areas import ACROSS
from reverie.evaluation.linked.copies import copies
from reverie.evaluation.measure import Measure, Metric, Section
from reverie.reports.likelihood import GAP
from reverie.reports.picture_sections import EXACT, NEARER, RULES
from reverie.reports.verdict import CLAIMS, verdict

CLAIM = {
    "fidelity.columns": "single columns",
    "fidelity.pair": "columns together",
    "fidelity.joint": "whole patients",
    "use.effects": "effects",
    "use.policy": "treatment policies",
    "privacy": "privacy",
}


def metric(name: str) -> Metric:
    """A declaration that bears on the claim of its area."""
    claim = next(claim for area, claim in CLAIM.items() if name.startswith(area))
    rests = name.endswith(".found") or name == "fidelity.columns.distance"
    alarm = "a leak of {} of the training patients" if rests else ""
    return Metric(
        name,
        f"the {name}",
        "",
        claim,
        worse="above",
        wrong=0.2 if rests else None,
        alarm=alarm,
        told=name.endswith("membership.auc"),
    )


def measure(name: str, said: str, value: float = 0.2, detects: float = 0.1, power: float | None = 4.0) -> Measure:
    known = {"ceiling": 0.1, "floor": 0.5, "ideal": 0.0, "detects": detects, "power": power, "metric": metric(name)}
    return Measure(name, f"the {name}", value, 10, verdict=said, **known)  # pyright: ignore


def judged(*measures: Measure, basis: str = ""):
    return verdict([Section("x", "x", "", measures, {})], basis)


def pairs(faults: int, looks: int, of: int = 10) -> list[Measure]:
    said = ["fault"] * faults + ["look"] * looks + ["fine"] * (of - faults - looks)
    return [measure(f"fidelity.pair.{i}.association", verdict) for i, verdict in enumerate(said)]


WHOLE = measure("fidelity.joint.auc", "fine")
"""What shows that a table is more than shuffled columns."""
ATTACK = measure("privacy.membership.found", "fine", power=None)


@pytest.mark.parametrize(
    ("faults", "looks", "kind"),
    [(0, 0, "good"), (0, 2, "good"), (0, 3, "look"), (1, 0, "look"), (2, 5, "look"), (3, 0, "not")],
)
def test_pairs_are_good_a_look_or_not_by_the_share_that_is_flagged(faults, looks, kind):
    (said,) = judged(*pairs(faults, looks)).sentences
    assert said.claim == "columns together" and said.kind == kind


def test_the_spared_share_holds_among_those_with_power_too():
    weak = [measure(f"fidelity.pair.{i}.missing", "fine", power=0.5) for i in range(90)]
    assert judged(*weak, *pairs(0, 3)).sentences[0].kind == "look"


def test_no_claim_without_a_measure_that_shuffled_columns_would_fail():
    for power in (None, 0.9, 1.0):
        (said,) = judged(*(measure(f"use.effects.{i}", "fine", power=power) for i in range(3))).sentences
        assert said.kind == "open" and "every column shuffled could pass each of the 3 measures judged" in said.text
    (said,) = judged(measure("use.effects.a", "fine", power=0.9), measure("use.effects.b", "fine", power=1.1)).sentences
    assert said.kind == "good" and "would fail 1 of its 2 measures" in said.text
    assert judged(measure("use.effects.a", "fault", power=0.5)).sentences[0].kind == "not"  # a fault needs no power


def test_a_claim_that_rests_on_an_alarm_says_what_it_could_have_missed_and_is_made_only_below_the_limit():
    found = judged(WHOLE, measure("privacy.membership.found", "fine", detects=0.19, power=None)).of("good")
    assert "A leak of 19.0 % of the training patients would have been found." in found[-1].text
    blunt = metric("privacy.membership.found").measure(0.01, 9, ceiling=0.01, deviation=0.05)  # sees 5 deviations: 0.25
    (said,) = judged(WHOLE, blunt).of("open")
    assert blunt.verdict == "unknown" and said.claim == "privacy"
    assert "at this number a leak of 25.0 % of the training patients could be missed, and 20.0 % is the most" in said.text
    other = replace(blunt, name="privacy.model_membership.found")
    assert judged(WHOLE, ATTACK, other).of("open")[0].claim == "privacy"  # each attack that there is must see enough


def test_what_was_not_judged_is_counted_beside_what_carries_a_claim():
    blind = [replace(measure(f"fidelity.pair.{i}.missing", "unknown"), why="all are there.") for i in range(17)]
    (said,) = judged(*pairs(0, 0, of=2), *blind).sentences
    assert said.kind == "good" and "would fail 2 of its 2 measures, and 17 were not judged" in said.text


def test_a_claim_that_rests_on_alarms_is_not_made_where_most_other_attacks_were_not_judged():
    blind = [replace(measure(f"privacy.{i}", "unknown"), why="there is one column.") for i in range(2)]
    assert judged(WHOLE, ATTACK, blind[0]).of("good")[-1].claim == "privacy"
    (said,) = judged(WHOLE, ATTACK, *blind).of("open")
    assert said.claim == "privacy" and "2 of 3 measures were not judged: there is one column." in said.text


def test_what_shuffled_columns_cannot_fail_is_claimed_only_of_more_than_shuffled_columns():
    alarms = (measure("fidelity.columns.distance", "fine", power=-1.0), ATTACK)
    said = {s.claim: s.kind for s in judged(WHOLE, *alarms).sentences}
    assert said["single columns"] == said["privacy"] == "good"
    for others in ([], [measure("fidelity.joint.auc", "fault", 0.48)], [measure("fidelity.joint.auc", "fine", power=0.9)]):
        said = {s.claim: s.kind for s in judged(*others, *alarms).sentences}
        assert said["single columns"] == said["privacy"] == "open"


def test_one_attack_that_succeeds_is_enough():
    fine = [WHOLE, ATTACK, *(measure(f"privacy.{i}", "fine", power=None) for i in range(20))]
    assert judged(*fine).of("good")[1].claim == "privacy"
    assert judged(*fine, measure("privacy.a", "look")).of("look")[0].claim == "privacy"
    (said,) = judged(*fine, measure("privacy.membership.auc", "fault")).of("not")
    assert "the privacy.membership.auc: 0.2 (held-out 0.1)" in said.text and said.measures == ("privacy.membership.auc",)


def test_what_was_not_judged_is_no_claim_and_says_why():
    none = metric("privacy.membership.found").unknown("there is 1 training patient.")
    other = metric("privacy.linkage.risk").unknown("two columns at least can be told apart.")
    copies = replace(metric("privacy.copies.patients"), ideal=0.0).measure(0.0, 1)
    (said,) = judged(other, none, copies).sentences
    assert said.kind == "open" and said.text == "Privacy: 2 of 3 measures were not judged: there is 1 training patient."


def test_the_gravest_come_first_faults_before_looks():
    found = judged(measure("privacy.a", "look", 0.5), measure("privacy.b", "fault", 0.2), measure("privacy.c", "fault", 0.4))
    assert found.flagged == ("privacy.c", "privacy.b", "privacy.a")


def test_the_headline_names_every_claim_that_was_judged_once():
    said = [measure("privacy.x", "fault"), measure("use.effects.x", "look"), measure("use.policy.x", "fine", power=0.1)]
    found = judged(*pairs(0, 0), *said, basis="This rests on 9 patients.")
    assert found.headline == (
        "Holds up beside the real ones: columns together. Needs a look first: effects. Does not hold up: privacy. "
        "Nothing is claimed on: treatment policies. This rests on 9 patients."
    )


def test_every_metric_bears_on_a_claim_that_there_is_and_each_claim_rests_on_some_and_nobody_is_called_anonymous():
    declared = [m for area in (*AREAS, *ACROSS, copies) for m in area.metrics] + [*RULES, EXACT, NEARER, GAP]
    assert {m.claim for m in declared} == {claim.name for claim in CLAIMS}
    assert {m.claim for m in declared if m.alarm} == {claim.name for claim in CLAIMS if claim.alarmed}
    assert len({m.name for m in declared}) == len(declared)
    assert not any("anonym" in claim.good.lower() for claim in CLAIMS)


def test_columns_that_are_not_made_are_named_in_the_headline_and_claimed_nothing_of():
    found = verdict([Section("x", "x", "", tuple(pairs(0, 0)), {})], "This rests on few.", ["note"])
    assert found.headline.endswith("Nothing is claimed on: the column note (not made). This rests on few.")
    (said,) = found.of("open")
    assert said.text.startswith("The column note (not made): its texts") and "written empty" in said.text
    many = verdict([], "", [f"text{i}" for i in range(10)])
    assert "the columns text0, text1" in many.headline and "text7 and 2 more (not made)" in many.headline
