"""Trained runs: which there are, their cards, their metrics."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from reverie.operations.training import Card
from reverie.service.routes.told import reply
from reverie.service.schemas import models as schemas
from reverie.service.state import Ask, Store

__all__ = ["router"]

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
    runs = [(name, str(workspace.folder(name, checkpoints=False))) for name in workspace.runs()]
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
    folder = str(workspace.folder(name, checkpoints=False))
    return Response(ask("metrics", folder=folder, after=after), media_type="application/json")


@router.get(
    "/models/{name:path}",
    operation_id="get_model",
    summary="The card of a run",
    responses=reply(Card),
    response_class=Response,
)
def get_model(workspace: Store, name: Name, ask: Ask) -> Response:
    folder = str(workspace.folder(name, checkpoints=False))
    return Response(ask("model", folder=folder, name=name), media_type="application/json")
