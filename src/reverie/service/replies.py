"""Problems as replies, and what the framework finds wrong with a request as problems.

Workers and the process beside the server have problems too, and no requests: they do not import this, nor the framework.
"""

from __future__ import annotations

import json
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from reverie.errors import ReverieError
from reverie.service import problems
from reverie.service.faults import faults
from reverie.service.problems import MEDIA_TYPE, Problem

__all__ = ["answer", "install", "of"]

KINDS = {400: "invalid", 403: "forbidden", 404: "not-found", 405: "method", 408: "slow", 413: "too-large"}


def answer(problem: Problem, scope: Scope) -> Response:
    """The reply to the request of this scope."""
    view = problem.view(scope.get("state", {}).get("request_id"))
    headers = {"cache-control": "no-store"} | problem.headers
    return Response(json.dumps(view, allow_nan=False), problem.status, headers, MEDIA_TYPE)


def install(app: FastAPI, root: Path) -> None:
    """Lets every foreseen error of a route become a problem. What was not foreseen is answered, and logged, further out."""

    async def handle(request: Request, error: Exception) -> Response:
        return answer(of(error, root), request.scope)

    for kind in (Problem, ReverieError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, handle)


def of(error: Exception, root: Path) -> Problem:
    """The problem that an error of a route is."""
    match error:
        case RequestValidationError():
            errors = faults(error)
            more = f" {len(errors) - 1} more of its fields cannot be used: see errors." if len(errors) > 1 else ""
            return Problem(422, "invalid", errors[0]["message"] + more, errors=errors)
        case HTTPException():
            return _of_framework(error)
    return problems.of(error, root)


def _of_framework(error: HTTPException) -> Problem:
    """What is wrong before a route is found, or with a body that is none."""
    detail = {
        400: "The body cannot be read as JSON: send one object, in UTF-8.",
        404: "There is nothing at this address: /docs tells which there are.",
        405: f"This address takes {(error.headers or {}).get('Allow', 'other methods')} alone: /docs tells what each does.",
    }.get(error.status_code, error.detail if error.status_code < 500 else "")
    return Problem(error.status_code, KINDS.get(error.status_code, "invalid"), detail, error.headers)
