"""Trained runs: which there are, their cards, their metrics."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from reverie.errors import DamagedError, ReverieError
from reverie.operations.training import Card
from reverie.service import problems
from reverie.service.problems import Problem
from reverie.service.routes.told import reply
from reverie.service.schemas import models as schemas
from reverie.service.state import Store

__all__ = ["router"]

LINES = 5000
LARGEST = 64_000_000  # bytes of a run's small files
router = APIRouter(prefix="/api", tags=["models"])
Name = Annotated[
    str, Path(description="A run of the workspace, with / between folders.", examples=["runs/digits"], max_length=484)
]


@router.get(
    "/models",
    operation_id="list_models",
    summary="The trained runs of the workspace",
    responses=reply(schemas.ModelList),
    response_model=None,
)
def list_models(workspace: Store) -> dict[str, Any]:
    from reverie.models.card import entry

    found = []
    for name in workspace.runs():
        try:
            found.append(entry(_run(workspace, name), name))
        except (ReverieError, Problem) as error:
            found.append({"name": name, "kind": None, "error": problems.of(error, workspace.root).detail})
    return {"models": found}


@router.get(
    "/models/{name:path}/metrics",
    operation_id="get_metrics",
    summary="The numbers of a training, also while it goes on",
    responses=reply(schemas.MetricsReply),
    response_model=None,
)
def get_metrics(
    workspace: Store,
    name: Name,
    after: Annotated[int, Query(ge=0, le=2**53, description="Only what came after this step.")] = 0,
) -> dict[str, Any]:
    from reverie.plain import plain
    from reverie.training import metrics

    lines = [line for line in metrics.read(_run(workspace, name)) if line["step"] > after]
    return plain({"metrics": lines[:LINES], "last": max((line["step"] for line in lines[:LINES]), default=after)})


@router.get(
    "/models/{name:path}",
    operation_id="get_model",
    summary="The card of a run",
    responses=reply(Card),
    response_model=None,
)
def get_model(workspace: Store, name: Name) -> dict[str, Any]:
    from reverie.models.card import card
    from reverie.plain import plain

    return plain(card(_run(workspace, name), name))


def _run(workspace: Store, name: str) -> FilePath:
    """The folder of a run, if its small files are small."""
    run = workspace.folder(name)
    for file in ("config.yaml", "codec.json", "metrics.jsonl"):
        if (run / file).is_file() and (run / file).stat().st_size > LARGEST:
            raise DamagedError(f"{run / file} is larger than any that is written: remove it.")
    return run
