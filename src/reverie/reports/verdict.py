"""Plain words before numbers: what the synthetic patients are good for, what they are not, and what to look at.

Every sentence follows from verdicts of measures by these rules.

1. A claim rests on the measures whose names begin with its prefixes. Without one that was judged, nothing is said.
2. Each claim spares a share of its measures: a fifth of those on columns and pairs, of which there are many and each stands
   alone, a tenth of those on the course in time, none elsewhere: one attack that succeeds is enough.
3. No fault among them, and no more to look at than are spared: it is good for that.
4. No fault, but more to look at; or faults, no more than are spared: look at it first, with the gravest named.
5. Otherwise it is not good for that, with the gravest named.

The gravest is the fault that lies farthest on the way from ceiling to floor, or from the ceiling in ceilings where there is
no floor. Nothing is called anonymous: what is said is which attacks were tried, and what they reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from reverie.evaluation.measure import Measure, Section

__all__ = ["CLAIMS", "Claim", "Sentence", "Verdict", "verdict"]

Kind = Literal["good", "not", "look"]
SOME = 0.2
NAMED = 2
"""Measures named in one sentence."""


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
    """

    name: str
    prefixes: tuple[str, ...]
    good: str
    bad: str
    spared: float = 0.0
    telling: tuple[str, ...] = ()


CLAIMS = (
    Claim(
        "single columns",
        ("fidelity.column",),
        "Describing one column at a time: values, ranges and missing cells are distributed as in real patients.",
        "Describing single columns: their values or missing cells are not distributed as in real patients.",
        SOME,
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
    ),
    Claim(
        "look and variety",
        ("pictures.fidelity",),
        "Looking like the pictures of the source, as far as the features used here can see.",
        "Looking like the pictures of the source.",
    ),
    Claim(
        "newness",
        ("pictures.copies",),
        "Being new: pictures are no nearer to those of the training than to others.",
        "Being new: pictures lie too near to those of the training.",
    ),
)


@dataclass(frozen=True)
class Sentence:
    """A sentence of the verdict; `measures` are the names that it was derived from, the gravest first."""

    claim: str
    kind: Kind
    text: str
    measures: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """All of it, in order of gravity within each kind.

    Attributes:
        headline: one sentence for those who read no further.
        sentences: of all claims that could be judged.
        flagged: the names of all measures with "fault" or "look", gravest first.
    """

    headline: str
    sentences: tuple[Sentence, ...]
    flagged: tuple[str, ...]

    def of(self, kind: Kind) -> tuple[Sentence, ...]:
        return tuple(s for s in self.sentences if s.kind == kind)

    def json(self) -> dict[str, Any]:
        told = {kind: [s.text for s in self.of(kind)] for kind in ("good", "not", "look")}
        return {"headline": self.headline, **told, "flagged": list(self.flagged)}


def verdict(sections: Sequence[Section]) -> Verdict:
    """The verdict on all sections of a report."""
    found = [m for section in sections for m in section.measures]
    sentences = [said for claim in CLAIMS if (said := _judge(claim, found))]
    flagged = sorted((m for m in found if m.verdict in ("fault", "look")), key=_gravity, reverse=True)
    return Verdict(_headline(sentences), tuple(sentences), tuple(m.name for m in flagged))


def _judge(claim: Claim, found: Sequence[Measure]) -> Sentence | None:
    mine = [m for m in found if m.name.startswith(claim.prefixes) and m.verdict != "unknown"]
    if not mine:
        return None
    graves = sorted((m for m in mine if m.verdict != "fine"), key=_gravity, reverse=True)
    faults = [m for m in graves if m.verdict == "fault"]
    names = tuple(m.name for m in graves)
    if not faults and len(graves) <= claim.spared * len(mine):
        told = [m for m in mine if m.name in claim.telling]
        more = f" What they reached: {_named(told)}." if told else ""
        return Sentence(claim.name, "good", claim.good + more, names or tuple(m.name for m in told))
    if len(faults) <= claim.spared * len(mine):
        what = faults or graves
        how = f"{'is' if len(what) == 1 else 'are'} {'at fault' if faults else 'a little off'}: {_named(what)}"
        how = f"{len(what)} of {len(mine)} measures {how}"
        return Sentence(claim.name, "look", f"{claim.name[0].upper()}{claim.name[1:]}: {how}.", names)
    return Sentence(claim.name, "not", f"{claim.bad} Gravest: {_named(faults)}.", names)


def _named(measures: Sequence[Measure]) -> str:
    """The first few, with value and ceiling, and how many more."""
    told = []
    for m in measures[:NAMED]:
        beside = f"held-out {_short(m.ceiling, m.unit)}" if m.ceiling is not None else f"at best {_short(m.ideal, m.unit)}"
        told.append(f"{m.title}: {_short(m.value, m.unit)} ({beside})")
    more = len(measures) - len(told)
    return "; ".join(told) + (f"; and {more} more" if more > 0 else "")


def _short(x: float | None, unit: str) -> str:
    if x is None:
        return "unknown"
    return f"{100 * x:.1f} %" if unit == "share" else f"{x:.3g}"


def _gravity(m: Measure) -> tuple[bool, float]:
    """Faults first; then how far from the ceiling on the way to the floor."""
    reference = m.ceiling if m.ceiling is not None else m.ideal
    if m.value is None or reference is None:
        return m.verdict == "fault", 0.0
    way = abs(m.floor - reference) if m.floor is not None else abs(reference)
    return m.verdict == "fault", abs(m.value - reference) / (way or 1.0)


def _headline(sentences: Sequence[Sentence]) -> str:
    """Counts of what was judged, and the privacy attacks by name: they weigh most for whoever releases data."""
    if not sentences:
        return "Nothing could be judged: there were too few patients, or none held out."
    told = {
        "Holds up beside the real ones": "good",
        "Needs a look first": "look",
        "Does not hold up": "not",
    }
    parts = []
    for words, kind in told.items():
        if claims := [s.claim for s in sentences if s.kind == kind]:
            parts.append(f"{words}: {', '.join(claims)}.")
    return " ".join(parts)
