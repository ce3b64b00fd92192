"""Whether what a model makes is realistic, useful and private; and several runs beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from reverie.operations.context import Context
from reverie.operations.declare import Outcome, Panel, operation
from reverie.operations.engines import Engined, engine_of
from reverie.operations.fields import Overwrite, RunName, Seed
from reverie.operations.reading import Cached
from reverie.operations.request import Flag, Reply, example

__all__ = ["report"]


class Reporting(Cached, Engined):
    """Which run, and what it is judged by; or several runs."""

    model_config = example({"runs": ["runs/patients"], "out": "report"})

    runs: Annotated[
        list[RunName],
        Flag("RUN", "A run folder; several, with a report each, are compared in one table.", metavar="RUN..."),
    ] = Field(min_length=1)
    out: str | None = Field(
        None,
        description="The folder for report.html, report.json and card.md, the run folder if left out; of several runs, "
        "comparison.",
    )
    synthetic: str | None = Field(
        None,
        description="A table of synthetic patients, also as a folder that sample wrote, or pictures; made by the model if "
        "left out, of patients 10,000 at most.",
    )
    holdout: str | None = Field(None, description="Other real patients (or pictures), in place of those held out.")
    source: str | None = Field(None, description="What the run was trained on, if it is not where its name says.")
    seed: Seed = 0
    overwrite: Overwrite = False

    @model_validator(mode="after")
    def _of_one(self) -> Self:
        given = [name for name in ("synthetic", "holdout", "source", "engine") if getattr(self, name) is not None]
        if len(self.runs) > 1 and given:
            raise ValueError(f"`{given[0]}` is for one run, and several are compared: leave it out")
        return self


@operation(
    "report",
    Reply,
    command="report",
    progress=("report", "%"),
    example="One run: reverie report runs/pbc2 --out report, then open report/report.html.\n\n"
    "Several, each with its report: reverie report runs/a runs/b --out side-by-side.",
)
def report(request: Reporting, context: Context) -> Outcome:
    """Say whether what a model makes is realistic, useful and private, with the evidence.

    Writes one page that can be read offline and printed (report.html), the same numbers for programs (report.json) and a
    model card (card.md).
    """
    return _one(request, context) if len(request.runs) == 1 else _several(request, context)


def _one(request: Reporting, context: Context) -> Outcome:
    from reverie.reports import report
    from reverie.reports.document import FILES
    from reverie.reports.verdict import KINDS

    run = Path(request.runs[0])
    folder = context.folder(request.out or request.runs[0], request.overwrite, files=FILES).path
    made = report(
        run,
        request.synthetic,
        request.holdout,
        folder,
        request.seed,
        context.step,
        source=request.source,
        cache=request.cache,
        engine=engine_of(request),
    )

    def show() -> Iterator[Panel]:
        context.say(made.verdict.headline)
        rows: list[tuple[str, str]] = []
        for kind, name in KINDS.items():
            rows += [(name.lower() if i == 0 else "", s.text) for i, s in enumerate(made.verdict.of(kind))]
        rows += [("" if i else "mind", text) for i, text in enumerate(made.cautions)]
        yield Panel("report", ("", "in plain words"), rows)

    look = f"look at {folder / 'report.html'}; the same numbers are in report.json, and card.md is the model card"
    return Outcome(made.json(), show, hints=(look,))


def _several(request: Reporting, context: Context) -> Outcome:
    from reverie.reports import compare
    from reverie.reports.compare import FILES

    folder = context.folder(request.out or "comparison", request.overwrite, files=FILES).path
    compared = compare([Path(run) for run in request.runs])
    compared.save(folder)

    def show() -> Iterator[Panel]:
        headlines = [(run, verdict["headline"]) for run, verdict in compared.json()["verdicts"].items()]
        yield Panel("compared", ("run", "in plain words"), headlines)

    return Outcome(compared.json(), show, hints=(f"look at {folder / FILES[0]}",))
