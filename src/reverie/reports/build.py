"""From a model or a run folder to its report.

    evidence (evidence.py) -> sections (parts.py) -> verdict (verdict.py) -> page (html/), JSON, card (card.py)

Everything is a function of the evidence and the seed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from reverie.errors import UsageError
from reverie.evaluation.areas import AREAS
from reverie.evaluation.measure import Split
from reverie.modality import ROWS
from reverie.models import LinkedModel, Model, PatientModel, PictureModel, load
from reverie.records import Schema
from reverie.reports.card import of_model, of_patients, of_schema
from reverie.reports.document import Report
from reverie.reports.evidence import Evidence, Find, patients_evidence, schema_of
from reverie.reports.given import Given
from reverie.reports.parts import made
from reverie.reports.shards import made_by
from reverie.shards import Engine
from reverie.sources import TableSource

__all__ = ["report", "report_on_tables"]

SCRATCH = ".parts"
"""A folder below the report's, while an engine makes it."""
SAMPLING = 0.2
"""The share of the time that sampling takes, as the progress bar expects it."""

Progress = Callable[[int, int], None]


def report(
    model: Model | str | Path,
    synthetic: Any = None,
    holdout: Any = None,
    out: str | Path | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    *,
    source: Any = None,
    cache: str | Path | None = None,
    engine: Engine | None = None,
    find: Find | None = None,
) -> Report:
    """The report on a model, or on the run folder that holds it.

    Args:
        synthetic: a table of synthetic patients (a file, a frame, or a folder that sampling wrote), or pictures; made by the
            model if left out, as many as it was trained on, of patients 10,000 at most.
        holdout: other real patients (or pictures) that the model never saw, instead of those that training held out.
        out: a folder for report.html, report.json and card.md.
        seed: the same seed gives the same report, to the byte.
        progress: called with (parts done, in all); parts are hundredths of the expected time.
        source: what the model was trained on, where its name is not enough to find it.
        find: how what training noted of its source is found, where that is not on this machine's disk.
        cache: the folder in which rows of tables that are read in parts are kept; where training kept them if left out.

    Raises UsageError or DataError if the source cannot be found, or is not what the model was trained on.
    """
    update = progress or (lambda done, total: None)
    cache = cache if cache is not None or isinstance(model, Model) else Path(model) / ROWS
    model = model if isinstance(model, Model) else load(model)
    if engine is not None and (out is None or not isinstance(model, PatientModel)):
        raise UsageError("an engine makes reports on patients, beside their folder: leave it out, or name the folder.")
    apart = None if engine is None else (engine, Path(out or "") / SCRATCH)
    sampled = SAMPLING if synthetic is None else 0.0

    def sampling(done: int, total: int) -> None:
        update(round(100 * sampled * done / max(total, 1)), 100)

    if isinstance(model, PatientModel):
        evidence = patients_evidence(model, synthetic, holdout, source, seed, sampling, cache, find)
        result = _report(evidence, seed, update, sampled, apart)
    elif isinstance(model, PictureModel):
        from reverie.reports.pictures import picture_report

        def told(share: float) -> None:
            update(round(100 * share), 100)

        result = picture_report(model, synthetic, holdout, source, seed, sampling, told, find)
    elif isinstance(model, LinkedModel):
        from reverie.reports.linked import model_report

        def going(done: int, total: int) -> None:
            update(round(100 * (sampled + (1 - sampled) * done / total)), 100)

        result = model_report(model, synthetic, holdout, source, seed, sampling, going, find)
    else:
        raise UsageError(f"a report is made on a model or a run folder, not on {type(model).__name__}.")
    if out is not None:
        result.save(out)
    return result


def report_on_tables(
    train: Any, holdout: Any, synthetic: Any, schema: Schema | None = None, seed: int = 0, progress: Progress | None = None
) -> Report:
    """The report on synthetic patients of any making: three tables, and no model to attack.

    Args:
        train, holdout, synthetic: files or frames of the same columns.
        schema: of the columns; inferred from both real tables together if left out.

    Raises DataError for a table that cannot be read, naming row and column, and for a patient in both real tables.
    """
    schema = schema or schema_of(train, holdout)
    real = TableSource.read(train, schema, holdout=holdout)
    assert real.holdout is not None
    given = Given.of(synthetic, schema)
    split = Split(real.table.frame, real.holdout.frame)
    evidence = Evidence(real.table.name, split, given, schema, f"of {given.name}", notes=real.table.notes)
    return _report(evidence, seed, progress or (lambda done, total: None), 0.0)


def _report(
    evidence: Evidence, seed: int, update: Progress, begun: float, apart: tuple[Engine, Path] | None = None
) -> Report:
    """`apart`: the engine that makes the parts, and the folder in which it does; none for threads."""
    tables = evidence.tables(seed)

    def told(share: float) -> None:
        update(round(100 * (begun + (1 - begun) * share)), 100)

    if apart is None:
        sections, failed = made(AREAS, tables, told)
    else:
        sections, failed = made_by(*apart, AREAS, tables, evidence.model, told)
    about = of_patients(tables, evidence.name, seed, "", evidence.origin, evidence.notes, of_schema(evidence.schema))
    about |= of_model(evidence.model) if evidence.model else {}
    cautions = ([evidence.split.seen] if evidence.split.seen else []) + failed
    return Report(about, tuple(cautions), sections)
