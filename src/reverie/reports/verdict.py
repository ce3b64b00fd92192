"""Plain words before numbers: what the synthetic patients are good for, what they are not, and what to look at.

Every sentence follows from verdicts of measures by these rules.

1. A claim rests on the measures of the metrics that are declared to bear on it. Where there is none, nothing is said.
2. Each claim spares a share of its measures: a fifth of those on columns and pairs, of which there are many and each stands
   alone, a tenth of those on the course in time, none elsewhere: one attack that succeeds is enough.
3. No fault among them, and no more to look at than are spared, also among those with power alone: it is good for that, if
   something among them could have said no (4, 5). Otherwise nothing is claimed, and the reason is told.
4. Usually that is a measure with power: one by which shuffled columns, the floor, would be flagged. Where they, or another
   plainly wrong table, would pass, a measure is not judged and nothing follows from it.
5. Shuffled columns keep single columns by construction, and an attack cannot succeed on them: such claims rest on measures
   declared as alarms. Each must be judged (detect a share of ALARM or less), as must half of all of the claim's measures;
   and the table must be more than shuffled columns: nearer to the ceiling than to the floor on more than a fifth of all
   other measures with power, of which a shuffle has none, and the poorest model some.
6. No fault, but more to look at; or faults, no more than are spared: look at it first, with the gravest named.
7. Otherwise it is not good for that, with the gravest named.
8. Columns of which nothing is made are named: no measure looks at them, so nothing is claimed on them.

The gravest is the fault that lies farthest on the way from ceiling to floor, or from the ceiling in ceilings where there is
no floor. Nothing is called anonymous: what is said is which attacks were tried, and what they reached.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from reverie.evaluation.measure import Measure, Section
from reverie.reports.claims import CLAIMS, QUESTIONS, Claim

__all__ = ["KINDS", "Kind", "Sentence", "Verdict", "verdict"]

Kind = Literal["good", "not", "look", "open"]
KINDS: dict[Kind, str] = {
    "good": "Good for",
    "not": "Not good for",
    "look": "Look at first",
    "open": "Nothing is claimed on",
}
BRIEF: dict[Kind, str] = {
    "good": "holds up",
    "not": "does not hold up",
    "look": "needs a look first",
    "open": "nothing is claimed",
}
SHUFFLED = 0.2
"""So large a share of measures with power may lie nearer to the ceiling than to the floor in a mere shuffle."""
NAMED, UNMADE = 2, 8
"""Measures, and columns that are not made, named in one sentence."""


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
        sentences: of all claims that the report has measures for.
        flagged: the names of all measures with "fault" or "look", gravest first.
    """

    headline: str
    sentences: tuple[Sentence, ...]
    flagged: tuple[str, ...]

    def of(self, kind: Kind) -> tuple[Sentence, ...]:
        return tuple(s for s in self.sentences if s.kind == kind)

    def json(self) -> dict[str, Any]:
        texts = {kind: [s.text for s in self.of(kind)] for kind in KINDS}
        return {"headline": self.headline, "brief": self.brief, **texts, "flagged": list(self.flagged)}

    @property
    def brief(self) -> dict[str, str]:
        """A sentence on each question of which something is said: realism, use, privacy."""
        of = {claim.name: claim.question for claim in CLAIMS}
        found = {}
        for question, name in QUESTIONS.items():
            mine = [s for s in self.sentences if of.get(s.claim) == question]
            words: dict[Kind, list[str]] = {kind: [s.claim for s in mine if s.kind == kind] for kind in KINDS}
            told = [
                BRIEF[kind] + (f" on {', '.join(claims)}" if len(mine) > 1 else "")
                for kind, claims in words.items()
                if claims
            ]
            if told:
                found[question] = f"{name}: {'; '.join(told)}."
        return found


def verdict(sections: Sequence[Section], basis: str = "", unmade: Sequence[str] = ()) -> Verdict:
    """The verdict on all sections of a report.

    Args:
        basis: a sentence on how many patients it rests, for the headline.
        unmade: names of columns of which nothing is made.
    """
    measures = [m for section in sections for m in section.measures]
    sentences = [said for claim in CLAIMS if (said := _judge(claim, measures))]
    sentences += [_unmade(unmade)] if unmade else []
    flagged = sorted((m for m in measures if m.verdict in ("fault", "look")), key=_gravity, reverse=True)
    headline = f"{_headline(sentences)} {basis}".strip()
    return Verdict(headline, tuple(sentences), tuple(m.name for m in flagged))


def _judge(claim: Claim, measures: Sequence[Measure]) -> Sentence | None:
    mine = [m for m in measures if m.metric and m.metric.claim == claim.name]
    if not mine:
        return None
    judged = [m for m in mine if m.verdict != "unknown"]
    carriers = [m for m in judged if m.carries]
    graves = sorted((m for m in judged if m.verdict != "fine"), key=_gravity, reverse=True)
    faults = [m for m in graves if m.verdict == "fault"]
    names = tuple(m.name for m in graves)
    if not faults and all(sum(m.verdict != "fine" for m in of) <= claim.spared * len(of) for of in (judged, carriers)):
        alarms = [m for m in mine if m.metric and m.metric.alarm]
        support, held = (
            _alarmed(claim, alarms, measures, judged, len(mine))
            if claim.alarmed
            else _carried(claim, carriers, judged, len(mine))
        )
        reasons = [text for text in (_unjudged(mine, alarms) if claim.alarmed or not held else "", support) if text]
        if not held:
            text = f"{_capital(claim.name)}: {' '.join([reasons[0], *map(_capital, reasons[1:])])}"
            return Sentence(claim.name, "open", text, names or tuple(m.name for m in alarms))
        stated = [m for m in judged if m.metric and m.metric.told]
        reached = [f"What they reached: {_named(stated)}."] if stated else []
        text = " ".join([claim.good, *reached, *map(_capital, reversed(reasons))])
        return Sentence(claim.name, "good", text, names or tuple(m.name for m in stated))
    if len(faults) <= claim.spared * len(judged):
        what = faults or graves
        how = f"{'is' if len(what) == 1 else 'are'} {'at fault' if faults else 'a little off'}: {_named(what)}"
        how = f"{len(what)} of {len(judged)} measures {how}"
        return Sentence(claim.name, "look", f"{_capital(claim.name)}: {how}.", names)
    return Sentence(claim.name, "not", f"{claim.bad} Gravest: {_named(faults)}.", names)


def _unmade(columns: Sequence[str]) -> Sentence:
    """That some columns are written empty."""
    few = ", ".join(columns[:UNMADE]) + (f" and {len(columns) - UNMADE} more" if len(columns) > UNMADE else "")
    claim = f"{'the column' if len(columns) == 1 else 'the columns'} {few} (not made)"
    what = "its texts are too varied to model, so it is" if len(columns) == 1 else "their texts are too varied, so they are"
    return Sentence(claim, "open", f"{_capital(claim)}: {what} written empty, and no measure looks there.", ())


def _carried(claim: Claim, carriers: Sequence[Measure], judged: Sequence[Measure], mine: int) -> tuple[str, bool]:
    """Of a claim that needs a measure with power: why it is made or not, and whether it is."""
    if carriers:
        left = f", and {mine - len(judged)} were not judged" if mine > len(judged) else ""
        return f"{claim.floor} would fail {len(carriers)} of its {len(judged)} measures{left}.", True
    if not judged:
        return "", False
    which = "the one measure judged" if len(judged) == 1 else f"each of the {len(judged)} measures judged"
    return f"{claim.floor} could pass {which} as well.", False


def _alarmed(
    claim: Claim, alarms: Sequence[Measure], measures: Sequence[Measure], judged: Sequence[Measure], mine: int
) -> tuple[str, bool]:
    """Of a claim that needs its alarms, in more than shuffled columns: why it is made or not, and whether it is."""
    if not alarms:
        return "what would decide is not in this report.", False
    if any(m.verdict == "unknown" or m.detects is None for m in alarms) or 2 * len(judged) < mine:
        return "", False
    blunt = max(alarms, key=lambda m: m.detects or 0.0)
    what = blunt.metric.alarm.format(_short(blunt.detects, "share")) if blunt.metric else ""
    apart = {other.name for other in CLAIMS if other.alarmed}
    carriers = [m for m in measures if m.carries and m.metric and m.metric.claim not in apart]
    far = sum(_way(m) >= 0.5 for m in carriers)
    if len(carriers) - far <= SHUFFLED * len(carriers):
        why = "no other measure can tell these from such"
        why = f"by {far} of {len(carriers)} other measures these lie nearer to such" if carriers else why
        return f"{claim.floor} would pass here as well, and {why}.", False
    return f"{what} would have been found.", True


def _unjudged(mine: Sequence[Measure], alarms: Sequence[Measure]) -> str:
    """How many of the measures were not judged, and why: the reason of an alarm first, else the commonest."""
    whys = [m.why for m in mine if m.verdict == "unknown"]
    if not whys:
        return ""
    why = next((m.why for m in alarms if m.verdict == "unknown"), Counter(whys).most_common(1)[0][0])
    if len(whys) == len(mine):
        return why
    return f"{len(whys)} of {len(mine)} measures {'was' if len(whys) == 1 else 'were'} not judged: {why}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _named(measures: Sequence[Measure]) -> str:
    """The first few, with value and ceiling, and how many more."""
    parts = []
    for m in measures[:NAMED]:
        beside = f"held-out {_short(m.ceiling, m.unit)}" if m.ceiling is not None else f"at best {_short(m.ideal, m.unit)}"
        parts.append(f"{m.title}: {_short(m.value, m.unit)} ({beside})")
    more = len(measures) - len(parts)
    return "; ".join(parts) + (f"; and {more} more" if more > 0 else "")


def _short(x: float | None, unit: str) -> str:
    if x is None:
        return "unknown"
    return f"{100 * x:.1f} %" if unit == "share" else f"{x:.3g}"


def _gravity(m: Measure) -> tuple[bool, float]:
    """Faults first; then how far from the ceiling on the way to the floor."""
    return m.verdict == "fault", _way(m)


def _way(m: Measure) -> float:
    """How far a value lies from the ceiling: 0 is on it, 1 as far as the floor; in ceilings where there is no floor."""
    reference = m.ceiling if m.ceiling is not None else m.ideal
    if m.value is None or reference is None:
        return 0.0
    way = abs(m.floor - reference) if m.floor is not None else abs(reference)
    return abs(m.value - reference) / (way or 1.0)


def _headline(sentences: Sequence[Sentence]) -> str:
    """Counts of what was judged, and the privacy attacks by name: they weigh most for whoever releases data."""
    if not sentences:
        return "Nothing was measured."
    headings = {
        "Holds up beside the real ones": "good",
        "Needs a look first": "look",
        "Does not hold up": "not",
        "Nothing is claimed on": "open",
    }
    parts = []
    for words, kind in headings.items():
        if claims := [s.claim for s in sentences if s.kind == kind]:
            parts.append(f"{words}: {', '.join(claims)}.")
    return " ".join(parts)
