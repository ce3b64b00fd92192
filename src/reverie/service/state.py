"""What routes ask for in their signatures: the workspace, the jobs, the limits, and the answers of `numbers`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request

from reverie.service.jobs import Jobs
from reverie.service.settings import Settings
from reverie.service.workspace import Workspace

__all__ = ["Ask", "Limits", "Queue", "Store"]


async def _workspace(request: Request) -> Workspace:
    return request.app.state.workspace


async def _jobs(request: Request) -> Jobs:
    return request.app.state.jobs


async def _settings(request: Request) -> Settings:
    return request.app.state.settings


async def _ask(request: Request) -> Callable[..., bytes]:
    return request.app.state.ask


Ask = Annotated[Callable[..., bytes], Depends(_ask)]
Store = Annotated[Workspace, Depends(_workspace)]
Queue = Annotated[Jobs, Depends(_jobs)]
Limits = Annotated[Settings, Depends(_settings)]
