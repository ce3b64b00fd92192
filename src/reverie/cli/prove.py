"""`reverie prove`: the identities and the known mistakes, checked now.

Exits with 1 if any identity fails its tolerance, or if any mistake is no longer shown to be one.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from reverie.cli import console
from reverie.cli.console import Json

if TYPE_CHECKING:
    from reverie.studies.mistakes import Mistake
    from reverie.studies.proofs import Check

__all__ = ["prove"]


def prove(
    mistakes: Annotated[bool, typer.Option("--mistakes", help="Show the known mistakes failing, with the damage.")] = False,
    as_json: Json = False,
) -> None:
    """Check every step of the derivations and every identity now, in float64.

    One row for each: what was compared, the largest error found, and the verdict. The exit code is 1 if any fails.
    docs/mathematics.md tells the derivations by the same names, docs/mistakes.md explains the mistakes.
    """
    if mistakes:
        from reverie.studies.mistakes import mistakes as run_all

        found = run_all()
        _show_mistakes(found, as_json)
        failed = [m.number for m in found if not m.shown]
    else:
        from reverie.studies.proofs import prove as check_all

        checks = check_all()
        _show_checks(checks, as_json)
        failed = [c.name for c in checks if not c.passed]
    if failed:
        console.note(f"failed: {', '.join(failed)}.")
        raise typer.Exit(1)


def _show_checks(checks: list[Check], as_json: bool) -> None:
    if as_json:
        return console.write_json([dataclasses.asdict(c) for c in checks])
    columns = ("name", "compared: one side | the other", "largest error", "allowed", "verdict")
    rows = [
        (c.name, c.compared, f"{c.largest_error:.1e}", f"{c.tolerance:.0e}", "holds" if c.passed else "FAILS")
        for c in checks
    ]
    console.table("Identities, in float64", columns, rows)
    console.write(f"{sum(c.passed for c in checks)} of {len(checks)} hold.")


def _show_mistakes(mistakes: list[Mistake], as_json: bool) -> None:
    if as_json:
        return console.write_json([dataclasses.asdict(m) for m in mistakes])
    columns = ("no.", "where", "wrong form", "right form", "damage measured", "verdict")
    rows = [(m.number, m.where, m.wrong, m.right, m.damage, "shown" if m.shown else "NOT SHOWN") for m in mistakes]
    console.table("Known mistakes: the wrong form beside the right one", columns, rows)
    console.write(f"{sum(m.shown for m in mistakes)} of {len(mistakes)} shown.")
