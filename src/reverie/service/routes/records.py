"""Tables of visits: complete them, fetch what is bundled."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from reverie.service.jobs.answer import answer
from reverie.service.problems import Problem
from reverie.service.routes.told import job_replies
from reverie.service.schemas import records as schemas
from reverie.service.state import Queue

__all__ = ["router"]

WAIT = 30.0
SMALL = 20_000  # cells x draws inside a call, which someone waits for
router = APIRouter(prefix="/api", tags=["records"])


@router.get(
    "/tables/{name}",
    operation_id="get_bundled_table",
    summary="A bundled table as CSV",
    response_class=Response,
    responses={200: {"description": "The table.", "content": {"text/csv": {}}}},
)
def bundled(name: Annotated[str, Path(description="pbc2.", examples=["pbc2"], max_length=40)]) -> Response:
    from reverie.records.reading import BUNDLED

    if name not in BUNDLED:
        raise Problem(404, "not-found", f"There is no bundled table of this name: there are {', '.join(BUNDLED)}.")
    headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return Response(BUNDLED[name].read_bytes(), media_type="text/csv; charset=utf-8", headers=headers)


@router.post(
    "/imputations",
    operation_id="impute",
    summary="Fill the holes of a table, or go on with each patient's record",
    description="What is given stays as it is. With 10 draws or more the reply has bands of 80 % and 50 %.",
    responses=job_replies(schemas.ImputationReply),
    response_class=Response,
)
async def impute(request: Request, jobs: Queue, body: schemas.Imputation) -> Response:
    small = body.rows is not None and len(body.rows.rows) * len(body.rows.columns) * body.draws <= SMALL
    return await answer(request, jobs, "imputation" if small else "imputation-large", body.arguments, wait=WAIT)
