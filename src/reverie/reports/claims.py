"""What synthetic patients and pictures may be good for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["CLAIMS", "QUESTIONS", "Claim", "Question"]

Question = Literal["realism", "use", "privacy"]
QUESTIONS: dict[Question, str] = {"realism": "Realism", "use": "Use", "privacy": "Privacy"}

SOME = 0.2
PATIENTS, PICTURES = "real patients with every column shuffled", "real pictures with every pixel shuffled"


@dataclass(frozen=True)
class Claim:
    """What synthetic patients may be good for, and the measures that decide.

    It rests on the metrics that are declared to bear on it.

    Attributes:
        name: short, for tables.
        good: the sentence if it holds.
        bad: the sentence if it does not; what is gravest follows.
        question: which of the three questions that a report answers it belongs to.
        spared: the share of its measures that may be flagged, see the rules.
        alarmed: whether it rests on the metrics declared as alarms, for shuffled columns cannot fail it.
        floor: what the floor is, in words.
    """

    name: str
    good: str
    bad: str
    question: Question
    spared: float = 0.0
    alarmed: bool = False
    floor: str = PATIENTS


CLAIMS = (
    Claim(
        "logic",
        "Rules that every real patient obeys: none is broken, and no value is one that cannot be.",
        "Passing for real records: some of their values cannot be.",
        "realism",
    ),
    Claim(
        "single columns",
        "Describing one column at a time: values, ranges and missing cells are distributed as in real patients.",
        "Describing single columns: their values or missing cells are not distributed as in real patients.",
        "realism",
        SOME,
        alarmed=True,
    ),
    Claim(
        "columns together",
        "Seeing how two columns go together, and which are missing together.",
        "Studying how columns go together: associations differ from those of real patients.",
        "realism",
        SOME,
    ),
    Claim(
        "course in time",
        "Questions of time: when patients come, how long records are, how values move from visit to visit.",
        "Questions of time: the order, spacing or course of visits is not that of real patients.",
        "realism",
        0.1,
    ),
    Claim(
        "tables together",
        "Following a patient through the tables: as many rows refer to each other, and lie in each other's time, as in real "
        "patients.",
        "Following a patient through the tables: how many rows refer to one, or when they are in its time, is not as in "
        "real patients.",
        "realism",
        0.1,
    ),
    Claim(
        "subgroups",
        "Looking at subgroups: each that has enough patients is there, in about its share, with its own values.",
        "Conclusions about every subgroup: at least one is lost, or is not like its real patients.",
        "realism",
    ),
    Claim(
        "whole patients",
        "Standing in for whole patients: a classifier tells them from real ones hardly better than real from real.",
        "Passing for real patients: a classifier can tell them apart.",
        "realism",
    ),
    Claim(
        "prediction models",
        "Developing prediction models: trained on synthetic patients, they serve real ones about as well.",
        "Developing prediction models for real patients: trained on synthetic ones they lose too much.",
        "use",
    ),
    Claim(
        "effects",
        "Rehearsing an analysis of effects: the same regression finds about the same coefficients.",
        "Estimating effects: the same regression comes to another answer than on real patients.",
        "use",
    ),
    Claim(
        "next visits",
        "Training models of the next visit, for later use on real patients.",
        "Training models of the next visit.",
        "use",
    ),
    Claim(
        "treatment policies",
        "Trying out treatment policies: they are ranked much as on real records.",
        "Comparing treatment policies: they are not ranked as on real records.",
        "use",
    ),
    Claim(
        "privacy",
        "Withstanding the attacks tried here: none clearly learned more about patients of the training than about others. "
        "That is no proof that nothing can be learned.",
        "Giving away without further protection: an attack found out more about patients of the training than about others. "
        "Training with differential privacy (--epsilon, on one table of visits) is the remedy; reports side by side show "
        "what it costs.",
        "privacy",
        alarmed=True,
    ),
    Claim(
        "look and variety",
        "Looking like the pictures of the source, as far as the features used here can see.",
        "Looking like the pictures of the source.",
        "realism",
        floor=PICTURES,
    ),
    Claim(
        "newness",
        "Being new: pictures are no nearer to those of the training than to others.",
        "Being new: pictures lie too near to those of the training.",
        "privacy",
        alarmed=True,
        floor=PICTURES,
    ),
)
