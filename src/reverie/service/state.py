"""What routes ask for in their signatures: the workspace, the jobs, the limits."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from reverie.service.jobs import Jobs
from reverie.service.settings import Settings
from reverie.service.workspace import Workspace

__all__ = ["Limits", "Queue", "Store"]


async def _workspace(request: Request) -> Workspace:
    return request.app.state.workspace


async def _jobs(request: Request) -> Jobs:
    return request.app.state.jobs


async def _settings(request: Request) -> Settings:
    return request.app.state.settings


Store = Annotated[Workspace, Depends(_workspace)]
Queue = Annotated[Jobs, Depends(_jobs)]
Limits = Annotated[Settings, Depends(_settings)]
