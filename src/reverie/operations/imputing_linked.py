"""Linked tables with holes, filled or continued."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reverie.errors import UsageError
from reverie.operations.context import Context
from reverie.operations.declare import Outcome, Panel, summary
from reverie.operations.sampler_settings import settings_of

if TYPE_CHECKING:
    from reverie.models import LinkedModel
    from reverie.operations.imputing import Imputation

__all__ = ["FAR", "impute_linked", "read_forecast"]

FAR = r"^[0-9]+(\.[0-9]+)?[hdwy]$"
"""A time to go on for: 12h, 30d, 2w, 1y."""
OTHERS = ("method", "guidance", "engine")
"""Fields that say how one table is completed."""


def read_forecast(typed: Any) -> int | str | None:
    """A number of visits, or a time such as 30d, of what was typed. Raises UsageError for what is neither."""
    if typed is None or isinstance(typed, int) or re.match(FAR, typed.strip()):
        return typed.strip() if isinstance(typed, str) else typed
    if re.fullmatch(r"-?\d+", typed.strip()):
        return int(typed)
    raise UsageError(
        f"`forecast` takes a number of visits, or of linked tables a time such as 12h, 30d, 2w or 1y: not {typed!r}."
    )


def impute_linked(request: Imputation, context: Context, model: LinkedModel) -> Outcome:
    """Fills the holes of the tables in a folder, or goes on with its patients, and copies it with what was drawn."""
    from reverie import export

    if context.served or request.table is None:
        raise UsageError(
            f"linked tables are completed on the command line: reverie impute {request.model} FOLDER --out FOLDER."
        )
    for field in OTHERS:
        if getattr(request, field) is not None:
            raise UsageError(f"`{field}` is not for linked tables: leave it out.")
    if request.out is None or Path(request.out).suffix:
        raise UsageError("linked tables are written to a folder, a file for each: name `out` without a suffix.")
    folder = context.folder(request.out, request.overwrite)
    done = export.complete_hospital(
        model,
        Path(request.table),
        folder.path,
        request.draws,
        request.seed,
        request.columns,
        request.forecast,
        settings_of(request),
        context.step,
        context.say,
    )
    folder.done()
    holes = done.pop("holes")
    result: dict[str, Any] = {**done, "out": request.out}
    reply = {"summary": result, "files": [{"name": request.out}], "holes": holes}

    def show() -> Iterator[Panel | str]:
        if holes:
            rows = [(name, f"{count['empty']:,}", f"{count['filled']:,}") for name, count in holes.items()]
            yield Panel("holes", ("column", "empty cells", "filled in each draw"), rows)
        yield from summary("imputed" if request.forecast is None else "forecast", result)()

    left = any(count["filled"] < count["empty"] for count in holes.values())
    hint = "empty cells stay where nothing is learned, where that says something, or as `columns` says."
    return Outcome(reply, show, {**result, "holes": holes}, hints=(hint,) if left else ())
