"""Is it alive, may it be given work, and what does it do: for whoever watches the server.

These answer on the event loop itself, without a thread, a database or torch, so that they answer while every worker is busy.
/healthz answers even where no connection is left for other calls.
"""

from __future__ import annotations

import os
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from reverie.service.jobs import Lane
from reverie.service.jobs.overview import Overview
from reverie.service.metrics import CONTENT_TYPE
from reverie.service.state import Queue, Store
from reverie.service.workspace import Workspace

__all__ = ["router"]

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="The process is alive")
async def alive() -> dict[str, str]:
    return {"status": "ok"}


@router.get(
    "/readyz",
    summary="The server takes work",
    description="503 while it stops, while the disk is full or the ledger of jobs cannot be used, while a lane that is to "
    "have workers here has none (one of 0 workers is left to other machines, and told), and without any worker. "
    "With `lane` it is that lane alone which must have a worker, on any machine. Each check is told.",
    responses={503: {"description": "Not ready; the body is the same.", "content": {"application/json": {}}}},
)
async def ready(
    request: Request,
    workspace: Store,
    jobs: Queue,
    lane: Annotated[Lane | None, Query(description="Whether work of this lane is done.")] = None,
) -> JSONResponse:
    seen = jobs.overview()
    checks = _checks(workspace, seen, lane, draining=request.app.state.draining)
    fine = all(checks.values())
    lanes = {name: {"workers": found.workers, "own": found.own} for name, found in seen.lanes.items()}
    told = {"status": "ready" if fine else "not ready", "checks": checks, "lanes": lanes}
    return JSONResponse(told, 200 if fine else 503)


@router.get(
    "/metrics", summary="Numbers for Prometheus", response_class=Response, responses={200: {"content": {"text/plain": {}}}}
)
async def metrics(request: Request) -> Response:
    return Response(request.app.state.metrics.text(), media_type=CONTENT_TYPE)


def _checks(workspace: Workspace, seen: Overview, lane: Lane | None, draining: bool) -> dict[str, bool]:
    return {
        "workspace can be written": os.access(workspace.state, os.W_OK | os.X_OK),
        "disk has room": workspace.quota.free() > 0,
        "ledger can be used": seen.usable,
        "workers are alive": seen.alive if lane is None else seen.lanes[lane].workers > 0,
        "takes work": not draining,
    }
