"""Is it alive, may it be given work, and what does it do: for whoever watches the server.

These answer on the event loop itself, without a thread and without torch, so that they answer while every worker is busy.
"""

from __future__ import annotations

import os
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from reverie.service.jobs import Jobs
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
    description="503 while it stops, while a lane has no worker, or while the disk is full. Each check is told.",
    responses={503: {"description": "Not ready; the body is the same.", "content": {"application/json": {}}}},
)
async def ready(request: Request, workspace: Store, jobs: Queue) -> JSONResponse:
    checks = _checks(workspace, jobs, draining=request.app.state.draining)
    fine = all(checks.values())
    return JSONResponse({"status": "ready" if fine else "not ready", "checks": checks}, 200 if fine else 503)


@router.get(
    "/metrics", summary="Numbers for Prometheus", response_class=Response, responses={200: {"content": {"text/plain": {}}}}
)
async def metrics(request: Request) -> Response:
    return Response(request.app.state.metrics.text(), media_type=CONTENT_TYPE)


def _checks(workspace: Workspace, jobs: Jobs, draining: bool) -> dict[str, bool]:
    lanes: dict[str, Any] = jobs.snapshot()["lanes"]
    return {
        "workspace can be written": os.access(workspace.state, os.W_OK | os.X_OK),
        "disk has room": workspace.quota.free() > 0,
        "workers are alive": all(lane["workers"] > 0 for lane in lanes.values()),
        "takes work": not draining,
    }
