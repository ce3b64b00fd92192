"""Trained runs: which there are, their cards, their metrics; renamed, deleted, and taken away as one file.

A run that a job uses is not renamed, not deleted and, while it is written, not taken away: 409 names the job.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from reverie.operations.request import Request, example
from reverie.operations.training import Card
from reverie.service import archive, folders
from reverie.service.kept import reports_of, runs_of
from reverie.service.routes.told import as_json, content, json_of
from reverie.service.schemas import models as schemas
from reverie.service.state import Ask, Queue, Store

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["models"])
Name = Annotated[
    str, Path(description="A run of the workspace, with / between folders.", examples=["runs/digits"], max_length=484)
]


class Renaming(Request):
    """The other name of a run."""

    model_config = example({"to": "runs/first"})

    to: str = Field(
        min_length=1, max_length=484, description="The new name, as deep in folders as the old one.", examples=["runs/first"]
    )


@router.get(
    "/models",
    operation_id="list_models",
    summary="The trained runs of the workspace",
    description="`state` is trained, training (`job` is at work on it) or stopped; `verdict` is the headline of its newest "
    "report, and `report` the name of that.",
    **json_of(schemas.ModelList),
)
def list_models(workspace: Store, jobs: Queue, ask: Ask) -> Response:
    runs = runs_of(workspace, jobs)
    return as_json(ask("models", root=str(workspace.root), runs=runs, reports=reports_of(workspace)))


@router.get(
    "/models/{name:path}/metrics",
    operation_id="get_metrics",
    summary="The numbers of a training, also while it goes on",
    **json_of(schemas.MetricsReply),
)
def get_metrics(
    workspace: Store,
    ask: Ask,
    name: Name,
    after: Annotated[int, Query(ge=0, le=2**53, description="Only what came after this step.")] = 0,
) -> Response:
    folder = str(workspace.folder(name, checkpoints=False))
    return as_json(ask("metrics", folder=folder, after=after))


@router.get(
    "/models/{name:path}/archive",
    operation_id="get_model_archive",
    summary="A run, or a model in another layout, as one .zip",
    description="All of its files but checkpoints of a training that ended, and rows of its source. The same files give "
    "the same bytes.",
    **content(
        "application/zip",
        "The archive, as an attachment.",
        {409: {"description": "A job writes it now.", "content": {"application/problem+json": {}}}},
    ),
)
def get_archive(workspace: Store, jobs: Queue, name: Name) -> StreamingResponse:
    files = archive.files_of(workspace, name)
    jobs.check_unused(name, writes_only=True)
    last = name.rstrip("/").rpartition("/")[2]
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(last, safe='')}.zip"}
    return StreamingResponse(archive.zipped(workspace, name, files), media_type="application/zip", headers=headers)


@router.post(
    "/models/{name:path}/rename",
    operation_id="rename_model",
    summary="Give a run another name",
    description="409 while a job uses it, and where the name is taken.",
)
def rename_model(workspace: Store, jobs: Queue, name: Name, body: Renaming) -> dict[str, str]:
    with jobs.changing(name, body.to):
        workspace.rename(name, body.to)
    return {"name": body.to, "href": f"/api/models/{quote(body.to)}"}


@router.delete(
    "/models/{name:path}",
    operation_id="delete_model",
    summary="Delete a run with all that is in its folder",
    description="409 while a job uses it.",
    status_code=204,
)
def delete_model(workspace: Store, jobs: Queue, name: Name) -> None:
    with jobs.changing(name):
        if name not in workspace.runs():
            raise folders.missing(name)
        workspace.remove(name, ())


@router.get(
    "/models/{name:path}",
    operation_id="get_model",
    summary="The card of a run",
    **json_of(Card),
)
def get_model(workspace: Store, name: Name, ask: Ask) -> Response:
    folder = str(workspace.folder(name, checkpoints=False))
    return as_json(ask("model", folder=folder, name=name))
