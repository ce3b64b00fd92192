"""The derivations and identities behind the library, checked now, in float64; told in docs/mathematics.md.

    prove() -> [Check(name, compared, largest_error, tolerance, passed), ...]

Chapters: forward (the noising process), variance and reverse (the derivation of p's variance and of its mean's forms),
mean (the reverse mean, step by step), conversion (noise, clean, velocity, score), schedule, path (continuous time),
sampler, bound, loss, posterior (conditioning on a measurement).
"""

from __future__ import annotations

from reverie.errors import unknown
from reverie.studies.proofs import bound, conversion, forward, loss, mean, path, posterior, reverse, sampler, schedule
from reverie.studies.proofs.check import Check

__all__ = ["Check", "prove"]

CHAPTERS = (
    forward.chapter,
    reverse.variance,
    reverse.chapter,
    mean.chapter,
    conversion.chapter,
    schedule.chapter,
    path.chapter,
    sampler.chapter,
    bound.chapter,
    loss.chapter,
    posterior.chapter,
)


def prove(*chapters: str) -> list[Check]:
    """Checks every law, or those of the chapters named, in the order of docs/mathematics.md.

    Deterministic; a few seconds on one core. Raises UsageError for an unknown chapter.
    """
    known = [chapter.name for chapter in CHAPTERS]
    for name in chapters:
        if name not in known:
            raise unknown("chapter of proofs", name, known)
    return [law() for chapter in CHAPTERS if not chapters or chapter.name in chapters for law in chapter.laws.values()]
