"""Tables of visits: describe them, complete them, fetch what is bundled."""

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
def bundled(name: Annotated[str, Path(description="pbc2.", examples=["pbc2"], max_length=40)]) -> Response:
    from reverie.records.reading import BUNDLED

    if name not in BUNDLED:
        raise Problem(404, "not-found", f"There is no bundled table of this name: there are {', '.join(BUNDLED)}.")
    headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return Response(BUNDLED[name].read_bytes(), media_type="text/csv; charset=utf-8", headers=headers)
