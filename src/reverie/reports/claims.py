"""What synthetic patients and pictures may be good for, and which measures decide."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CLAIMS", "Claim"]

SOME = 0.2
PATIENTS, PICTURES = "real patients with every column shuffled", "real pictures with every pixel shuffled"


@dataclass(frozen=True)
class Claim:
    """What synthetic patients may be good for, and the measures that decide.

    Attributes:
        name: short, for tables.
        prefixes: of the names of its measures.
        good: the sentence if it holds.
        bad: the sentence if it does not; what is gravest follows.
        spared: the share of its measures that may be flagged, see the rules.
        telling: the names of measures whose values are told even where the sentence is good.
        alarms: of a claim that shuffled columns cannot fail, the names of the measures that it rests on, all shares; see
            the rules. Those that the report has at all must each detect little enough.
        found: what an alarm detects, with a place for the number.
        floor: what the floor is, in words.
    """

    name: str
    prefixes: tuple[str, ...]
    good: str
    bad: str
    spared: float = 0.0
    telling: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    found: str = ""
    floor: str = PATIENTS


CLAIMS = (
    Claim(
        "single columns",
        ("fidelity.column",),
        "Describing one column at a time: values, ranges and missing cells are distributed as in real patients.",
        "Describing single columns: their values or missing cells are not distributed as in real patients.",
        SOME,
        alarms=("fidelity.columns.distance",),
        found="a difference of {} of the values of a column, in the mean,",
    ),
    Claim(
        "columns together",
        ("fidelity.pair",),
        "Seeing how two columns go together, and which are missing together.",
        "Studying how columns go together: associations differ from those of real patients.",
        SOME,
    ),
    Claim(
        "course in time",
        ("fidelity.course",),
        "Questions of time: when patients come, how long records are, how values move from visit to visit.",
        "Questions of time: the order, spacing or course of visits is not that of real patients.",
        0.1,
    ),
    Claim(
        "subgroups",
        ("fidelity.subgroup",),
        "Looking at subgroups: each that has enough patients is there, in about its share, with its own values.",
        "Conclusions about every subgroup: at least one is lost, or is not like its real patients.",
    ),
    Claim(
        "whole patients",
        ("fidelity.joint",),
        "Standing in for whole patients: a classifier tells them from real ones hardly better than real from real.",
        "Passing for real patients: a classifier can tell them apart.",
    ),
    Claim(
        "prediction models",
        ("use.prediction",),
        "Developing prediction models: trained on synthetic patients, they serve real ones about as well.",
        "Developing prediction models for real patients: trained on synthetic ones they lose too much.",
    ),
    Claim(
        "effects",
        ("use.effect",),
        "Rehearsing an analysis of effects: the same regression finds about the same coefficients.",
        "Estimating effects: the same regression comes to another answer than on real patients.",
    ),
    Claim(
        "next visits",
        ("use.next",),
        "Training models of the next visit, for later use on real patients.",
        "Training models of the next visit.",
    ),
    Claim(
        "treatment policies",
        ("use.policy",),
        "Trying out treatment policies: they are ranked much as on real records.",
        "Comparing treatment policies: they are not ranked as on real records.",
    ),
    Claim(
        "privacy",
        ("privacy",),
        "Withstanding the attacks tried here: none clearly learned more about patients of the training than about others. "
        "That is no proof that nothing can be learned.",
        "Giving away without further protection: an attack found out more about patients of the training than about others. "
        "Training with differential privacy (--epsilon) is the remedy; reports side by side show what it costs.",
        telling=("privacy.membership.auc", "privacy.model_membership.auc"),
        alarms=("privacy.membership.found", "privacy.model_membership.found"),
        found="a leak of {} of the training patients",
    ),
    Claim(
        "look and variety",
        ("pictures.fidelity",),
        "Looking like the pictures of the source, as far as the features used here can see.",
        "Looking like the pictures of the source.",
        floor=PICTURES,
    ),
    Claim(
        "newness",
        ("pictures.copies",),
        "Being new: pictures are no nearer to those of the training than to others.",
        "Being new: pictures lie too near to those of the training.",
        alarms=("pictures.copies.nearer",),
        found="an excess of {} of pictures that lie nearer to the training",
        floor=PICTURES,
    ),
)
