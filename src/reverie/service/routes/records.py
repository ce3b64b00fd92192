"""Bundled tables of visits."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from reverie.service.routes.told import content
from reverie.service.state import Ask

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["records"])


@router.get(
    "/tables/{name}",
    operation_id="get_bundled_table",
    summary="A bundled table as CSV",
    **content("text/csv", "The table."),
)
def bundled(name: Annotated[str, Path(description="pbc2.", examples=["pbc2"], max_length=40)], ask: Ask) -> Response:
    table = ask("table", name=name)
    headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return Response(table, media_type="text/csv; charset=utf-8", headers=headers)
