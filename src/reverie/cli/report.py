"""reverie report RUN [--out FOLDER], and reverie report RUN RUN ... to compare"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reverie.cli import console

if TYPE_CHECKING:
    from reverie.reports import Report

__all__ = ["EXAMPLES", "report"]

EXAMPLES = """\
One run: reverie report runs/pbc2 --out report, then open report/report.html.

Several, each with its report: reverie report runs/a runs/b --out side-by-side."""


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="A run folder; several, with a report each, are compared in one table."),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The folder for report.html, report.json and card.md.", show_default="the run folder"),
    ] = None,
    synthetic: Annotated[
        str | None,
        typer.Option("--synthetic", help="A table of synthetic patients, or pictures; made by the model if left out."),
    ] = None,
    holdout: Annotated[
        str | None,
        typer.Option("--holdout", help="Other real patients (or pictures), in place of those held out."),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="What the run was trained on, if it is not where its name says.")
    ] = None,
    seed: console.Seed = 0,
    force: console.Force = False,
    as_json: console.Json = False,
) -> None:
    """Say whether what a model makes is realistic, useful and private, with the evidence.

    Writes one page that can be read offline and printed (report.html), the same numbers for programs (report.json) and a
    model card (card.md).
    """
    if len(runs) > 1:
        told = {"--synthetic": synthetic, "--holdout": holdout, "--source": source}
        console.refuse("for one run, and several are compared", told)
        return _compare(runs, out, force, as_json)
    import reverie
    from reverie.reports.document import FILES

    folder = out or runs[0]
    for name in FILES:
        console.fresh(folder / name, force)
    with console.progress("report", "%") as on_step:
        found = reverie.report(runs[0], synthetic, holdout, folder, seed, on_step, source=source)
    if as_json:
        return console.write_json(found.json())
    _tell(found, folder)


def _compare(runs: list[Path], out: Path | None, force: bool, as_json: bool) -> None:
    from reverie.reports import compare
    from reverie.reports.compare import FILES

    folder = out or Path("comparison")
    for name in FILES:
        console.fresh(folder / name, force)
    found = compare(runs)
    found.save(folder)
    if as_json:
        return console.write_json(found.json())
    console.table("compared", ("run", "in plain words"), [(run, r["verdict"]["headline"]) for run, r in found.told()])
    console.note(f"look at {folder / FILES[0]}")


def _tell(found: Report, folder: Path) -> None:
    from reverie.reports.verdict import KINDS

    verdict = found.verdict
    rows: list[tuple[str, str]] = []
    for kind, name in KINDS.items():
        rows += [(name.lower() if i == 0 else "", s.text) for i, s in enumerate(verdict.of(kind))]
    rows += [("" if i else "mind", text) for i, text in enumerate(found.cautions)]
    console.note(verdict.headline)
    console.table("report", ("", "in plain words"), rows)
    console.note(f"look at {folder / 'report.html'}; the same numbers are in report.json, and card.md is the model card")
