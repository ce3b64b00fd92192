"""Linked tables with holes, filled or continued."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reverie.errors import UsageError
from reverie.operations.context import Context
from reverie.operations.declare import Cap, Outcome, Panel, summary
from reverie.operations.sampler_settings import settings_of
from reverie.operations.tables_out import tables_out

if TYPE_CHECKING:
    from reverie.models import LinkedModel
    from reverie.operations.imputing import Imputation

__all__ = ["CELLS", "FAR", "completion", "far", "impute_linked", "read_forecast"]

CELLS = Cap("rows x draws", 1_000_000, "ask for fewer draws or visits, or give fewer patients")

FAR = r"^[0-9]+(\.[0-9]+)?[hdwy]$"
OTHERS = ("method", "guidance", "engine")
"""Fields that say how one table is completed."""


def read_forecast(typed: Any) -> int | str | None:
    """A number of visits, or a time such as 30d, of what was typed; anything else as it was typed."""
    if not isinstance(typed, str):
        return typed
    return int(typed) if re.fullmatch(r"\s*-?\d+\s*", typed) else typed.strip()


def far(text: str) -> str:
    """A time to go on for. Raises ValueError for a text that is none."""
    if not re.fullmatch(FAR, text):
        raise ValueError("it is a number of visits, or of linked tables a time such as 12h, 30d, 2w or 1y")
    return text


def impute_linked(request: Imputation, context: Context, model: LinkedModel) -> Outcome:
    """Fills the holes of linked tables, or goes on with their patients, and writes them with what was drawn."""
    from reverie import export

    if request.table is None:
        raise UsageError(f"`rows` is one table, and {request.model} makes linked tables: give a folder of them as `table`.")
    for field in OTHERS:
        if getattr(request, field) is not None:
            raise UsageError(f"`{field}` is not for linked tables: leave it out.")
    with context.fitted(request.table, model.codec) as fitted:
        if request.out is not None and not context.served:
            if Path(request.out).resolve() == Path(request.table).resolve():
                raise UsageError(f"{request.out} is what is completed, and stays as it is: name another place as `out`.")
            export.check_apart(fitted, Path(request.out))
        context.within(CELLS, sum(frame.height for frame in fitted.source.values()) * request.draws)

        def files() -> tuple[str, ...]:
            return export.files_completed(model, fitted, request.draws)

        with tables_out(context, request.out, request.overwrite, "completed.zip", files) as out:
            done = export.complete_hospital(
                model,
                fitted,
                out.path,
                request.draws,
                request.seed,
                request.columns,
                request.forecast,
                settings_of(request),
                context.step,
                context.say,
            )
            written = out.done()
    holes = done.pop("holes")
    result: dict[str, Any] = {**done, "out": request.out or written[0]["name"]}
    return completion(request, {"summary": result, "files": written, "bands": {}, "shares": {}, "holes": holes})


def completion(request: Imputation, reply: dict[str, Any]) -> Outcome:
    """What is told of tables that were completed: their holes, and the rest in numbers."""
    result, holes, filling = reply["summary"], reply["holes"], request.forecast is None

    def show() -> Iterator[Panel | str]:
        if holes:
            rows = [(name, f"{count['empty']:,}", f"{count['filled']:,}") for name, count in holes.items()]
            yield Panel("holes", ("column", "empty cells", "filled in each draw"), rows)
        yield from summary("imputed" if filling else "forecast", result)()

    left = any(count["filled"] < count["empty"] for count in holes.values())
    hint = "empty cells stay where nothing is learned, where that says something, or as `columns` says."
    return Outcome(reply, show, {**result, "holes": holes} if filling else result, hints=(hint,) if left else ())
