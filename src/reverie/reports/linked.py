"""From three folders of linked tables to a report: trained on, held out and synthetic, whoever made them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from reverie.errors import UsageError
from reverie.evaluation.linked import Sides
from reverie.evaluation.linked.areas import areas_of
from reverie.evaluation.linked.plan import Plan
from reverie.models import LinkedModel
from reverie.plain import number_of
from reverie.records.linked import LinkedSchema, LinkedTables, read_linked
from reverie.records.linked.tying import with_implied
from reverie.reports.card import of_model, of_patients
from reverie.reports.document import Report
from reverie.reports.evidence import MADE, NONE, Find, real_of
from reverie.reports.parts import made
from reverie.sources import LinkedSource

__all__ = ["linked_report", "model_report", "report_on_linked"]

Progress = Callable[[int, int], None]


def linked_report(
    train: Any,
    holdout: Any,
    synthetic: Any,
    schema: LinkedSchema | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Report:
    """The report on synthetic linked tables of any making.

    Args:
        train, holdout, synthetic: what records.linked.read_linked takes: folders, databases, frames by name. Without a
            holdout halves of the training patients stand for others, and no attack is judged.
        schema: how they are tied; inferred from those trained on if left out.
        out: a folder for report.html, report.json and card.md.
        seed: the same seed gives the same report, to the byte.
        progress: called with (hundredths of the expected time done, 100).

    Raises UsageError and DataError, in a sentence, for tables or columns that are lacking or of other types, and for a
    patient who is both trained on and held out.
    """
    first = _read(train, schema, "the real tables")
    held = None if holdout is None else _read(holdout, first.schema, "the held-out tables")
    report = report_on_linked(first, held, _read(synthetic, first.schema, "the synthetic tables", False), seed, progress)
    if out is not None:
        report.save(out)
    return report


def model_report(
    model: LinkedModel,
    synthetic: Any,
    holdout: Any,
    source: Any,
    seed: int,
    sampling: Progress,
    progress: Progress,
    find: Find | None = None,
) -> Report:
    """The report on a model of linked tables; see reports.build.report for the arguments and for what is raised."""
    noted, schema = model.config.source, model.codec.forms.schema
    subject, train, held, seen = real_of(model.config, LinkedSource.read, schema, holdout, source, find)
    if held is None:
        raise UsageError(NONE.split(", so ")[0] + ", so a report has nothing to compare with: name others with `holdout`.")
    if synthetic is None:
        made_ = with_implied(model.sample(min(len(train), MADE), seed, on_step=sampling), schema)
        ours = LinkedTables(made_, schema, f"{noted.name}, made by the model")
    else:
        ours = _read(synthetic, schema, "the synthetic tables", False)
    first = replace(subject.tables_of(train, f"{noted.name}, trained on"), notes=subject.table.notes)
    second = subject.tables_of(held, f"{noted.name}, held out")
    facts = {"source": noted.name, **of_model(model)}
    return report_on_linked(first, second, ours, seed, progress, facts=facts, seen=seen)


def report_on_linked(
    train: LinkedTables,
    holdout: LinkedTables | None,
    synthetic: LinkedTables,
    seed: int = 0,
    progress: Progress | None = None,
    *,
    facts: dict[str, Any] | None = None,
    seen: str = "",
) -> Report:
    """The same of tables that were read.

    Args:
        facts: what is known of the model that made them, for the card.
        seen: a sentence that says what of the holdout the model has seen.
    """
    update = progress or (lambda done, total: None)
    update(0, 100)
    sides = Sides.read(train, holdout, synthetic, seed, seen)
    sides.scores  # noqa: B018  # known to all parts, so that no two compute it at once
    sections, failed = made(areas_of(sides.plan), sides, lambda share: update(round(5 + 95 * share), 100))
    what = f"with {sides.synthetic.events:,} rows in {number_of(len(sides.plan.schema.tables), 'table')}, "
    notes, columns = _notes(train, holdout, synthetic), _columns(sides.plan, train)
    about = of_patients(sides, train.name, seed, what, f"of {synthetic.name}", notes, columns) | (facts or {})
    return Report(about, tuple(([seen] if seen else []) + failed), sections)


def _read(source: Any, schema: LinkedSchema | None, name: str, whole: bool = True) -> LinkedTables:
    """`name` is how messages call frames; what was read is taken as it is. Keys that stand twice are refused where they must
    be `whole`, else the report counts them."""
    if isinstance(source, LinkedTables):
        return source
    return read_linked(source, schema, name if isinstance(source, Mapping) else None, whole=whole)


def _notes(*tables: LinkedTables | None) -> list[str]:
    return [f"{of.name}: {note}" for of in tables if of is not None for note in of.notes]


def _columns(plan: Plan, train: LinkedTables) -> list[dict[str, Any]]:
    """What each column of each table is."""
    told = []
    for table in plan.schema.tables:
        refers = {key.column: f"key of {key.table}" for key in table.refers}
        clock = {table.clock.start, table.clock.end} if table.clock else set()
        lane = plan.lane(table.name)
        for column, cells in zip(train.frames[table.name].columns, train.frames[table.name].iter_columns(), strict=True):
            code = lane is not None and column == lane.code
            role = "key" if column == table.key else refers.get(column) or ("time" if column in clock else "")
            told.append(
                {
                    "name": f"{table.name}.{column}",
                    "role": role or ("code" if code else table.kind),
                    "kind": str(cells.dtype),
                    "levels": len(lane.levels) if code and lane is not None else 0,
                    "missing": round(cells.null_count() / max(cells.len(), 1), 4),
                }
            )
    return told
