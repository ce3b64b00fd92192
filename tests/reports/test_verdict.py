"""The verdict's sentences follow from the measures by the rules of its module, and from nothing else."""

import pytest

from reverie.evaluation.measure import Measure, Section
from reverie.reports.verdict import CLAIMS, verdict


def measure(name: str, said: str, value: float = 0.2) -> Measure:
    return Measure(name, f"the {name}", value, 10, ceiling=0.1, floor=0.5, ideal=0.0, verdict=said)  # pyright: ignore


def judged(*measures: Measure):
    return verdict([Section("x", "x", "", measures, {})])


def columns(faults: int, looks: int, of: int = 10) -> list[Measure]:
    said = ["fault"] * faults + ["look"] * looks + ["fine"] * (of - faults - looks)
    return [measure(f"fidelity.column.{i}.distance", verdict) for i, verdict in enumerate(said)]


@pytest.mark.parametrize(
    ("faults", "looks", "kind"),
    [(0, 0, "good"), (0, 2, "good"), (0, 3, "look"), (1, 0, "look"), (2, 5, "look"), (3, 0, "not")],
)
def test_columns_are_good_open_or_not_by_the_share_that_is_flagged(faults, looks, kind):
    (said,) = judged(*columns(faults, looks)).sentences
    assert said.claim == "single columns" and said.kind == kind


def test_one_attack_that_succeeds_is_enough():
    fine = [measure(f"privacy.{i}", "fine") for i in range(20)]
    assert judged(*fine).of("good")[0].claim == "privacy"
    assert judged(*fine, measure("privacy.a", "look")).of("look")[0].claim == "privacy"
    (said,) = judged(*fine, measure("privacy.membership.auc", "fault")).of("not")
    assert "the privacy.membership.auc: 0.2 (held-out 0.1)" in said.text and said.measures == ("privacy.membership.auc",)


def test_nothing_is_said_of_what_was_not_judged():
    found = judged(measure("use.effects.x", "unknown"))
    assert found.sentences == () and "Nothing could be judged" in found.headline


def test_the_gravest_come_first_faults_before_looks():
    found = judged(measure("privacy.a", "look", 0.5), measure("privacy.b", "fault", 0.2), measure("privacy.c", "fault", 0.4))
    assert found.flagged == ("privacy.c", "privacy.b", "privacy.a")


def test_the_headline_names_every_claim_that_was_judged_once():
    found = judged(*columns(0, 0), measure("privacy.x", "fault"), measure("use.effects.x", "look"))
    assert found.headline == (
        "Holds up beside the real ones: single columns. Needs a look first: effects. Does not hold up: privacy."
    )


def test_no_two_claims_share_a_measure_and_nobody_is_called_anonymous():
    prefixes = [prefix for claim in CLAIMS for prefix in claim.prefixes]
    assert not [(a, b) for a in prefixes for b in prefixes if a is not b and a.startswith(b)]
    assert not any("anonym" in claim.good.lower() for claim in CLAIMS)
