"""Jobs over HTTP: which there are, how each goes, its history as it happens, its result and its files."""

from __future__ import annotations

import os
import re
import stat
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from reverie.service.downloads import Download
from reverie.service.jobs import JobState, Lane
from reverie.service.jobs.events import stream
from reverie.service.problems import Problem
from reverie.service.routes.files import DOWNLOAD, attachment
from reverie.service.state import Queue, Store

__all__ = ["JobList", "JobView", "router"]

FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,119}")


class Progress(BaseModel):
    done: int
    total: int
    seconds_left: float | None


class Links(BaseModel):
    self: str
    events: str
    cancel: str
    result: str


class JobView(BaseModel):
    """A job as it is now. It ends in exactly one of succeeded, failed, cancelled and interrupted."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "0c5e2d0a4f3b4f0e8a9d1c2b3a4f5e6d",
                "task": "training",
                "about": {"operation": "training", "source": "pbc2", "out": "runs/patients"},
                "who": "alice",
                "lane": "slow",
                "state": "running",
                "attempt": 1,
                "position": None,
                "progress": {"done": 120, "total": 400, "seconds_left": 21.5},
                "seconds_left": 21.5,
                "message": "planned for 1 min: 400 steps of 0.15 s; as that changes, so does their number.",
                "error": None,
                "created": "2025-01-31T09:30:00.000+00:00",
                "started": "2025-01-31T09:30:00.012+00:00",
                "ended": None,
                "links": {
                    "self": "/api/jobs/0c5e2d0a4f3b4f0e8a9d1c2b3a4f5e6d",
                    "events": "/api/jobs/0c5e2d0a4f3b4f0e8a9d1c2b3a4f5e6d/events",
                    "cancel": "/api/jobs/0c5e2d0a4f3b4f0e8a9d1c2b3a4f5e6d/cancel",
                    "result": "/api/jobs/0c5e2d0a4f3b4f0e8a9d1c2b3a4f5e6d/result",
                },
            }
        }
    )

    id: str
    task: str
    about: dict[str, str] = Field(description="The operation, and what its request names: model, table, out and so on.")
    who: str | None = Field(description="The name of the API key that asked for it; null where there are no keys.")
    lane: Lane
    state: JobState
    attempt: int = Field(description="Grows when a worker was lost or stopped and the job was taken up again.")
    position: int | None = Field(description="Place in the queue, 1 is next; null once it runs.")
    progress: Progress | None
    seconds_left: float | None = Field(description="As the job itself reckons; null where it does not know.")
    message: str | None
    error: dict[str, Any] | None = Field(description="The problem that a failed or interrupted job ended with.")
    created: str
    started: str | None
    ended: str | None
    links: Links


class JobList(BaseModel):
    jobs: list[JobView]
    next: str | None = Field(description="For `after`, to be told of older ones; null where there are none.")


Id = Annotated[
    str, Path(description="The job's id, as its submission told it.", examples=["0c5e2d0a4f3b4f0e8a9d1c2b3a4f5e6d"])
]
Missing = dict[int | Literal["default"] | str, dict[str, Any]]
MISSING: Missing = {404: {"description": "There is no such job.", "content": {"application/problem+json": {}}}}

router = APIRouter(prefix="/api/jobs", tags=["jobs"])


@router.get(
    "",
    summary="The jobs, newest first",
    description="In parts of at most `limit`. Each filter that is given must hold; several states may be given.",
    response_model=JobList,
)
def list_jobs(
    jobs: Queue,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    after: Annotated[
        str | None, Query(pattern="^[0-9]{1,18}$", description="What `next` said: go on after that part of the list.")
    ] = None,
    state: Annotated[list[JobState], Query(max_length=6, description="One state, or several.")] = [],  # noqa: B006
    lane: Annotated[Lane | None, Query(description="One queue.")] = None,
    operation: Annotated[str | None, Query(max_length=100, description="One operation, as sample.")] = None,
) -> dict[str, Any]:
    found, following = jobs.list(limit, after, state, lane, operation)
    return {"jobs": [job.view() for job in found], "next": following}


@router.get("/{id}", summary="How a job goes", response_model=JobView, responses=MISSING)
def show(jobs: Queue, id: Id) -> dict[str, Any]:
    return jobs.get(id).view()


@router.get(
    "/{id}/events",
    summary="What happens to a job, as it happens",
    description="Server-sent events `state`, `progress`, `say`, `metric` and last `end`, with ids 1, 2, 3 and so on. All "
    "that was comes first; with Last-Event-ID (or `after`), what came after that event.",
    response_class=Response,
    responses={**MISSING, 200: {"description": "Until the job ends.", "content": {"text/event-stream": {}}}},
)
async def follow(
    jobs: Queue,
    id: Id,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    last_event_id: Annotated[str | None, Header(description="What the browser sends by itself after a cut.")] = None,
) -> StreamingResponse:
    jobs.get(id)
    if last_event_id is not None and re.fullmatch(r"[0-9]{1,15}", last_event_id):
        after = int(last_event_id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream(jobs, id, after), media_type="text/event-stream", headers=headers)


@router.post(
    "/{id}/cancel",
    summary="End a job",
    description="At once if it waits, within two seconds if it runs; nothing happens to one that has ended.",
    response_model=JobView,
    responses=MISSING,
)
def cancel(jobs: Queue, id: Id) -> dict[str, Any]:
    return jobs.cancel(id).view()


@router.get(
    "/{id}/result",
    summary="The result of a job that succeeded",
    description="409 while it has not ended; the problem it ended with if it did not succeed.",
    response_class=Response,
    responses={
        **MISSING,
        200: {"description": "What the call itself would have answered.", "content": {"application/json": {}}},
        409: {"description": "There is no result, or not yet.", "content": {"application/problem+json": {}}},
    },
)
def result(jobs: Queue, id: Id) -> Response:
    return Response(jobs.result_bytes(id), media_type="application/json", headers={"Cache-Control": "no-store"})


@router.get(
    "/{id}/files/{file}",
    summary="A file that a job made",
    response_class=Response,
    responses={
        **DOWNLOAD,
        404: {"description": "There is no such job or file.", "content": {"application/problem+json": {}}},
    },
)
def download(
    jobs: Queue, workspace: Store, id: Id, file: Annotated[str, Path(description="Its name, as the result told it.")]
) -> Download:
    folder = jobs.folder(id)
    if not FILE.fullmatch(file):
        raise _no_file()
    try:
        opened = workspace.made(folder, file)
    except OSError as error:
        raise _no_file() from error
    if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
        opened.close()
        raise _no_file()
    return attachment(opened, file)


def _no_file() -> Problem:
    return Problem(404, "not-found", "The job has no such file.")
