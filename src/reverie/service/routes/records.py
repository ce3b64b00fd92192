"""Tables of visits: describe them, complete them, fetch what is bundled."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from reverie.service.jobs.answer import answer
from reverie.service.routes.told import job_replies
from reverie.service.schemas import records as schemas
from reverie.service.state import Ask, Queue

__all__ = ["router"]

WAIT = 30.0
SMALL = 20_000  # cells x draws inside a call, which someone waits for
router = APIRouter(prefix="/api", tags=["records"])


@router.post(
    "/tables/describe",
    operation_id="describe_table",
    summary="What each column of a table is taken to be, and why",
    description="What is wrong with a table is said in one sentence with its row and column.",
    responses=job_replies(schemas.DescribeReply),
    response_class=Response,
)
async def describe(request: Request, jobs: Queue, body: schemas.Describe) -> Response:
    return await answer(request, jobs, "description", body.arguments, wait=WAIT)


@router.get(
    "/tables/{name}",
    operation_id="get_bundled_table",
    summary="A bundled table as CSV",
    response_class=Response,
    responses={200: {"description": "The table.", "content": {"text/csv": {}}}},
)
def bundled(name: Annotated[str, Path(description="pbc2.", examples=["pbc2"], max_length=40)], ask: Ask) -> Response:
    table = ask("table", name=name)
    headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return Response(table, media_type="text/csv; charset=utf-8", headers=headers)


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
