"""Trained runs: which there are, their cards, their metrics; new samples, changed pictures, new runs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from reverie.service.jobs.answer import answer
from reverie.service.problems import Problem
from reverie.service.routes.told import job_replies, reply
from reverie.service.schemas import models as schemas
from reverie.service.schemas.editing import Edit, EditReply
from reverie.service.state import Ask, Limits, Queue, Store

__all__ = ["router"]

WAIT = 30.0
router = APIRouter(prefix="/api", tags=["models"])
Name = Annotated[
    str, Path(description="A run of the workspace, with / between folders.", examples=["runs/digits"], max_length=484)
]


@router.get(
    "/models",
    operation_id="list_models",
    summary="The trained runs of the workspace",
    responses=reply(schemas.ModelList),
    response_class=Response,
)
def list_models(workspace: Store, ask: Ask) -> Response:
    runs = [(name, str(workspace.folder(name))) for name in workspace.runs()]
    return Response(ask("models", root=str(workspace.root), runs=runs), media_type="application/json")


@router.get(
    "/models/{name:path}/metrics",
    operation_id="get_metrics",
    summary="The numbers of a training, also while it goes on",
    responses=reply(schemas.MetricsReply),
    response_class=Response,
)
def get_metrics(
    workspace: Store,
    ask: Ask,
    name: Name,
    after: Annotated[int, Query(ge=0, le=2**53, description="Only what came after this step.")] = 0,
) -> Response:
    folder = str(workspace.folder(name))
    return Response(ask("metrics", folder=folder, after=after), media_type="application/json")


@router.get(
    "/models/{name:path}",
    operation_id="get_model",
    summary="The card of a run",
    responses=reply(schemas.Card),
    response_class=Response,
)
def get_model(workspace: Store, name: Name, ask: Ask) -> Response:
    return Response(ask("model", folder=str(workspace.folder(name)), name=name), media_type="application/json")


@router.post(
    "/samples",
    operation_id="sample",
    summary="New patients, or new pictures, of a trained run",
    responses=job_replies(schemas.SampleReply),
    response_class=Response,
)
async def sample(request: Request, jobs: Queue, body: schemas.Sample) -> Response:
    return await answer(request, jobs, "sample-large" if body.large else "sample", body.arguments, wait=WAIT)


@router.post(
    "/edits",
    operation_id="edit_pictures",
    summary="Pictures changed by a trained run",
    description="`edit` says how: made over from a noise level, a hole filled, back to the noise, or between two pictures.",
    responses=job_replies(EditReply),
    response_class=Response,
)
async def edit(request: Request, jobs: Queue, body: Edit) -> Response:
    return await answer(request, jobs, "edit", body.arguments, wait=WAIT)


@router.post(
    "/trainings",
    operation_id="train",
    summary="Train a model within a budget",
    description="Without `Prefer: wait=N` the answer comes at once, with the job. Its events have the losses: `metric` "
    "with step and loss or loss_aside. A training that a crash ended goes on from its last checkpoint.",
    responses=job_replies(schemas.Card),
    response_class=Response,
)
async def train(request: Request, jobs: Queue, limits: Limits, body: schemas.Training) -> Response:
    most = 0.9 * limits.slow_seconds / 60
    if body.minutes is not None and body.minutes > most:
        raise Problem(422, "usage", f"minutes is {body.minutes:g}, and this server allows a training {most:g} at most.")
    return await answer(request, jobs, "training", body.arguments, wait=0)
