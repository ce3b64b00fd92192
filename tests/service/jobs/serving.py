"""The real server over chores instead of tasks, as a process that may be killed: python serving.py WORKSPACE [setting=value]

POST /api/chores/{name} makes a job of the chore, its JSON body the arguments; the first line printed is the address.
"""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

from fastapi import Body, FastAPI, Request, Response

from reverie.service import app, serve
from reverie.service.jobs import Jobs
from reverie.service.jobs.answer import answer
from reverie.service.settings import Settings
from reverie.service.state import Queue
from reverie.service.workspace import Workspace


def create_app(settings: Settings, ask: Any) -> FastAPI:
    made = app.create_app(settings, Jobs(settings, Workspace(settings.workspace, settings), "chores:TASKS"), ask)

    @made.post("/api/chores/{name}")
    async def chore(request: Request, jobs: Queue, name: str, arguments: Annotated[dict[str, Any], Body()]) -> Response:
        return await answer(request, jobs, name, arguments, wait=30)

    routes = made.router.routes
    routes.insert(0, routes.pop())  # before the page, which takes every address
    return made


def said(address: str) -> None:
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    given = dict(part.split("=", 1) for part in sys.argv[2:])
    settings = Settings(workspace=sys.argv[1], port=0, free_bytes=0, **{k: json.loads(v) for k, v in given.items()})
    serve.create_app = create_app
    sys.exit(serve.serve(settings, said))
