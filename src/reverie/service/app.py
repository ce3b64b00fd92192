"""The app: routes inside; around them, from the outside in, spans, safe headers, the log, the path of a proxy, the guard,
the intake, and HEAD."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

import reverie
from reverie.service import derive, document, numbers, replies
from reverie.service.assets import Assets
from reverie.service.heads import Heads
from reverie.service.jobs import Jobs
from reverie.service.keys import Keys
from reverie.service.metrics import Metrics
from reverie.service.objects import open_workspace
from reverie.service.observed import Observed, Traced
from reverie.service.origin_policy import OriginPolicy, SafeHeaders
from reverie.service.prefix import Prefix
from reverie.service.request_limits import RequestLimits
from reverie.service.routes import files, guide, health, jobs, models, page, records, reports, schedules
from reverie.service.settings import Settings
from reverie.service.telemetry import telemetry

__all__ = ["create_app"]

# that of FastAPI itself would tell addresses, and messages of errors that may quote a table: see telemetry for ours
QUIET: Any = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
ROUTES = (guide, schedules, models, reports, records, jobs, files, health, page)


def create_app(settings: Settings, jobs: Jobs | None = None, ask: Callable[..., bytes] = numbers.answer) -> FastAPI:
    """The service over one workspace. Its lifespan starts and stops the jobs.

    `ask` gives what needs torch: see `numbers`.
    """
    workspace = open_workspace(settings)
    keys = Keys(settings.keys) if settings.keys else None
    queue = Jobs(settings, workspace) if jobs is None else jobs
    app = FastAPI(
        title="Reverie",
        version=reverie.__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=_lifespan,
        generate_unique_id_function=_operation,
        redirect_slashes=False,
        telemetry=QUIET,
    )
    state = app.state
    state.settings, state.workspace, state.jobs = settings, workspace, queue
    state.draining, state.ask = False, ask
    state.connections = lambda: 0  # how many are open: the server knows
    state.assets, state.metrics = Assets(), Metrics(queue.overview, workspace.quota)
    queue.hear(state.metrics.job)
    state.document = cache(lambda: document.text(app))
    replies.install(app, workspace.root)
    app.include_router(derive.router())
    for module in ROUTES:
        app.include_router(module.router)
    app.mount("/static", state.assets)
    app.openapi = cache(lambda: document.document(app, settings.root_path))
    app.add_middleware(Heads)
    app.add_middleware(RequestLimits, settings=settings)
    app.add_middleware(OriginPolicy, settings=settings, keys=keys)
    app.add_middleware(Prefix, root_path=settings.root_path)
    app.add_middleware(Observed, root=workspace.root, metrics=state.metrics)
    app.add_middleware(SafeHeaders)
    state.telemetry = telemetry(settings)
    if state.telemetry is not None:
        app.add_middleware(Traced, telemetry=state.telemetry)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state = app.state
    await run_in_threadpool(state.workspace.sweep)
    await run_in_threadpool(state.jobs.start)
    yield
    if not state.jobs.stopped:
        await run_in_threadpool(state.jobs.stop, state.settings.grace_seconds)
    await run_in_threadpool(state.jobs.close)
    if state.telemetry is not None:
        await run_in_threadpool(state.telemetry.close)


def _operation(route: APIRoute) -> str:
    """The name of an operation in the OpenAPI document: that of its function."""
    return route.name
