"""Whether what a model makes is realistic, useful and private; and several runs beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from reverie.errors import UsageError
from reverie.operations.context import Context
from reverie.operations.declare import Outcome, Panel, operation
from reverie.operations.engines import Engined, engine_of
from reverie.operations.fields import Overwrite, RunName, Seed, reads, writes
from reverie.operations.reading import Cached
from reverie.operations.request import Flag, Reply, Served, example, local

__all__ = ["Said", "report"]

BESIDE = "comparison"
"""The folder of a comparison that was given no name."""


class Reporting(Cached, Engined):
    """Which run, and what it is judged by; or several runs."""

    model_config = example({"runs": ["runs/patients"], "out": "report"})

    runs: Annotated[
        list[RunName],
        Flag("RUN", "A run folder; several, with a report each, are compared in one table.", metavar="RUN..."),
        Served((Field(max_length=20),), "a table of more has no room on a page"),
    ] = Field(min_length=1, description="The run; several, with a report each, are compared in one table.")
    out: Annotated[str, writes] | None = Field(
        None,
        min_length=1,
        description="The folder for report.html, report.json and card.md, the run folder if left out; of several runs, "
        "comparison.",
    )
    synthetic: Annotated[str, reads] | None = Field(
        None,
        min_length=1,
        description="A table of synthetic patients, also as a folder that sample wrote, or pictures; made by the model if "
        "left out, of patients 10,000 at most.",
    )
    holdout: Annotated[str, reads] | None = Field(
        None, min_length=1, description="Other real patients (or pictures), in place of those held out."
    )
    source: Annotated[str, reads] | None = Field(
        None, min_length=1, description="What the run was trained on, if it is not where its name says."
    )
    against: Annotated[str | None, Flag("--against"), local] = Field(
        None,
        min_length=1,
        description="RUN is no run but a folder (or database) of synthetic linked tables, and these are the real ones that "
        "they were made from; other patients are named with `holdout`.",
    )
    using: Annotated[str | None, local] = Field(None, description="How linked tables are tied: a schema file.")
    seed: Seed = 0
    overwrite: Overwrite = False

    @model_validator(mode="after")
    def _of_one(self) -> Self:
        given = [name for name in ("synthetic", "holdout", "source", "engine", "against") if getattr(self, name) is not None]
        if len(self.runs) > 1 and given:
            raise ValueError(f"`{given[0]}` is for one run, and several are compared: leave it out")
        if self.against is None and self.using is not None:
            raise ValueError("`using` says how linked tables are tied: name the real ones with `against`")
        if self.against is not None and (more := [n for n in ("synthetic", "source", "engine") if n in given]):
            raise ValueError(f"`{more[0]}` is for a run, and with `against` two folders are compared: leave it out")
        return self


class Said(Reply):
    """A report in short: what it says in words. Of several runs, what is said of each."""

    model_config = example(
        {
            "name": "runs/patients",
            "runs": ["runs/patients"],
            "verdict": {
                "headline": "Holds up beside the real ones: logic.",
                "brief": {"realism": "Realism: holds up on logic.", "privacy": "Privacy: holds up."},
                "good": ["Rules that every real patient obeys: none is broken, and no value is one that cannot be."],
                "not": [],
                "look": [],
                "open": [],
            },
        }
    )

    name: str = Field(description="The folder that it is in, by which GET /api/reports/NAME has all of it.")
    runs: list[str]


@operation(
    "report",
    Said,
    command="report",
    route="POST /api/reports",
    operation_id="make_report",
    tag="reports",
    about="Without `Prefer: wait=N` the answer comes at once, with the job. The report is then at GET /api/reports/NAME, as "
    "JSON, and at GET /api/reports/NAME/page, as a page.",
    slow=lambda request: len(request.runs) == 1,
    wait=0,
    unnamed=lambda request: _folder_of(request),
    progress=("report", "%"),
    example="One run: reverie report runs/pbc2 --out report, then open report/report.html.\n\n"
    "Several, each with its report: reverie report runs/a runs/b --out side-by-side.\n\n"
    "Linked tables of any making: reverie report made --against hospital --holdout others --out report.",
)
def report(request: Reporting, context: Context) -> Outcome:
    """Say whether what a model makes is realistic, useful and private, with the evidence.

    Writes one page that can be read offline and printed (report.html), the same numbers for programs (report.json) and a
    model card (card.md).
    """
    if request.against is not None:
        return _linked(request, context)
    return _one(request, context) if len(request.runs) == 1 else _several(request, context)


def _folder_of(request: Reporting) -> str:
    """Where the report goes: as asked, or beside the one run, or of several by a name of its own."""
    return request.out or (request.runs[0] if len(request.runs) == 1 else BESIDE)


def _one(request: Reporting, context: Context) -> Outcome:
    from reverie.modality import ROWS
    from reverie.models import LinkedModel
    from reverie.reports import report
    from reverie.reports.document import FILES

    (run,) = request.runs
    name = _folder_of(request)
    folder = context.folder(name, request.overwrite, files=FILES)
    model = context.model(run)

    schema = model.codec.forms.schema if isinstance(model, LinkedModel) else None

    def given(named: str | None) -> Any:
        return None if named is None else context.data(named, model.modality, schema)

    made = report(
        model,
        given(request.synthetic),
        given(request.holdout),
        folder.path,
        request.seed,
        context.step,
        source=given(request.source),
        cache=request.cache or Path(run) / ROWS,
        engine=engine_of(request),
        find=lambda noted, option: context.again(noted, option, schema),
    )
    folder.done()
    return _outcome(made, name, run, folder.path, context)


def _linked(request: Reporting, context: Context) -> Outcome:
    """Folders of linked tables, whoever made them."""
    from reverie.reports import linked_report
    from reverie.reports.document import FILES
    from reverie.sources import LinkedSource

    (made_,) = request.runs
    if request.out is None:
        raise UsageError("a report on linked tables has a folder of its own: name it with `out`.")
    folder = context.folder(request.out, request.overwrite, files=FILES)
    schema = LinkedSource.as_schema(request.using)
    made = linked_report(request.against, request.holdout, made_, schema, folder.path, request.seed, context.step)
    folder.done()
    return _outcome(made, request.out, made_, folder.path, context)


def _outcome(made: Any, name: str, run: str, path: Path, context: Context) -> Outcome:
    """What is told of one report that was written."""
    from reverie.reports.verdict import KINDS

    def show() -> Iterator[Panel]:
        context.say(made.verdict.headline)
        rows: list[tuple[str, str]] = []
        for kind, title in KINDS.items():
            rows += [(title.lower() if i == 0 else "", s.text) for i, s in enumerate(made.verdict.of(kind))]
        rows += [("" if i else "mind", text) for i, text in enumerate(made.cautions)]
        yield Panel("report", ("", "in plain words"), rows)

    look = f"look at {path / 'report.html'}; the same numbers are in report.json, and card.md is the model card"
    reply = {"name": name, "runs": [run], "title": made.title, "verdict": made.verdict.json(), "cautions": [*made.cautions]}
    return Outcome(reply, show, printed=made.json(), hints=(look,))


def _several(request: Reporting, context: Context) -> Outcome:
    from reverie.reports import compare
    from reverie.reports.compare import FILES

    if len({*request.runs}) < len(request.runs):
        raise UsageError("one run is named twice: name runs that differ.")
    name = _folder_of(request)
    folder = context.folder(name, request.overwrite, files=FILES)
    compared = compare([context.run(run) for run in request.runs], request.runs if context.served else None)
    compared.save(folder.path)
    folder.done()
    content = compared.json()

    def show() -> Iterator[Panel]:
        headlines = [(run, verdict["headline"]) for run, verdict in content["verdicts"].items()]
        yield Panel("compared", ("run", "in plain words"), headlines)

    reply = {"name": name, "runs": content["runs"], "verdicts": content["verdicts"]}
    return Outcome(reply, show, printed=content, hints=(f"look at {folder.path / FILES[0]}",))
