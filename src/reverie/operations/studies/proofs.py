"""The identities and the known mistakes, checked now."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from reverie.operations.call import arguments, lines
from reverie.operations.context import Context
from reverie.operations.declare import Outcome, Panel, operation
from reverie.operations.request import Flag, Reply, Request, example, local

__all__ = ["mistakes", "proofs"]


class Proofs(Request):
    """Which chapters to prove."""

    model_config = example({"chapters": ["forward", "reverse"]})

    chapters: Annotated[list[Annotated[str, Field(min_length=1, max_length=40)]], Flag("--chapter")] = Field(
        default=[],
        max_length=20,
        description="forward, variance, reverse, mean, conversion, schedule, sampler, bound, loss, posterior, path; all if "
        "left out.",
    )
    mistakes: Annotated[bool, local] = Field(False, description="Show the known mistakes failing, with the damage.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.mistakes and self.chapters:
            raise ValueError("`chapters` are of the proofs, and `mistakes` shows all mistakes: leave one of them out")
        return self


class ProofsReply(Reply):
    """Each identity, checked now."""

    model_config = example(
        {
            "checks": [
                {
                    "name": "forward/bayes",
                    "compared": "posterior | Bayes' rule, at every t",
                    "largest_error": 3e-16,
                    "tolerance": 1e-11,
                    "passed": True,
                }
            ]
        }
    )

    checks: list[dict[str, Any]]


class Mistakes(Request):
    """All known mistakes; there is nothing to choose."""

    model_config = example({})


class MistakesReply(Reply):
    """Each mistake, with the damage measured now."""

    model_config = example(
        {
            "mistakes": [
                {
                    "number": "1",
                    "where": "the course",
                    "wrong": "...",
                    "right": "...",
                    "damage": "error 204 at t = 1000",
                    "numbers": {"error": 204.0},
                    "shown": True,
                }
            ]
        }
    )

    mistakes: list[dict[str, Any]]


@operation(
    "mistakes",
    MistakesReply,
    route="POST /api/mistakes",
    operation_id="show_mistakes",
    tag="studies",
    python=lambda request: lines(
        "from reverie.studies.mistakes import mistakes", "", "for m in mistakes():", "    print(m)"
    ),
)
def mistakes(request: Mistakes, context: Context) -> Outcome:
    """The known mistakes, each run beside its right form."""
    from reverie.studies.mistakes import mistakes

    found = mistakes(context.step)

    def show() -> Iterator[Panel | str]:
        columns = ("no.", "where", "wrong form", "right form", "damage measured", "verdict")
        rows = [(m.number, m.where, m.wrong, m.right, m.damage, "shown" if m.shown else "NOT SHOWN") for m in found]
        yield Panel("Known mistakes: the wrong form beside the right one", columns, rows)
        yield f"{sum(m.shown for m in found)} of {len(found)} shown."

    rows = [dataclasses.asdict(mistake) for mistake in found]
    return Outcome({"mistakes": rows}, show, printed=rows, failed=_failed([m.number for m in found if not m.shown]))


@operation(
    "proofs",
    ProofsReply,
    command="prove",
    route="POST /api/proofs",
    operation_id="prove",
    tag="studies",
    python=lambda request: lines(
        "from reverie.studies.proofs import prove",
        "",
        *(f"print(prove({arguments(name)}))" for name in request.chapters or [None]),
    ),
)
def proofs(request: Proofs, context: Context) -> Outcome:
    """Check every step of the derivations and every identity now, in float64.

    One row for each: what was compared, the largest error found, and the verdict. The exit code is 1 if any fails.
    docs/mathematics.md tells the derivations by the same names, docs/mistakes.md explains the mistakes.
    """
    if request.mistakes:
        return mistakes.does(Mistakes(), context)
    from reverie.studies.proofs import CHAPTERS, prove

    known = list(dict.fromkeys(chapter.name for chapter in CHAPTERS))
    wanted = [name for name in known if name in request.chapters] if request.chapters else known
    if strange := set(request.chapters) - set(known):
        prove(min(strange))  # says which there are
    checks = []
    for done, name in enumerate(wanted):
        context.step(done, len(wanted))
        checks += prove(name)

    def show() -> Iterator[Panel | str]:
        columns = ("name", "compared: one side | the other", "largest error", "allowed", "verdict")
        rows = [
            (c.name, c.compared, f"{c.largest_error:.1e}", f"{c.tolerance:.0e}", "holds" if c.passed else "FAILS")
            for c in checks
        ]
        yield Panel("Identities, in float64", columns, rows)
        yield f"{sum(c.passed for c in checks)} of {len(checks)} hold."

    rows = [dataclasses.asdict(check) for check in checks]
    return Outcome({"checks": rows}, show, printed=rows, failed=_failed([c.name for c in checks if not c.passed]))


def _failed(names: list[str]) -> str:
    return f"failed: {', '.join(names)}." if names else ""
