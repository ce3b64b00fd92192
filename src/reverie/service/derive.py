"""Routes and jobs, derived from the declarations of operations.

POST path  ->  the request, validated as a service takes it  ->  a job in the quick or the slow queue  ->  the operation
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from reverie import operations
from reverie.operations.call import calls
from reverie.operations.declare import Operation
from reverie.operations.request import served
from reverie.plain import plain
from reverie.service import bounded
from reverie.service.context import Served
from reverie.service.jobs.answer import answer
from reverie.service.jobs.job import LARGE
from reverie.service.jobs.places import Places, about, places
from reverie.service.jobs.work import Work
from reverie.service.problems import Problem
from reverie.service.routes.told import job_replies
from reverie.service.state import Limits, Queue

__all__ = ["Task", "router", "tasks"]


@dataclass(frozen=True)
class Task:
    """An operation as a kind of job: the queue it waits in, and what may be done with it after a crash or a stop."""

    operation: Operation
    lane: Literal["quick", "slow"]

    @property
    def again(self) -> bool:
        return self.operation.again

    @property
    def saves(self) -> bool:
        return self.operation.saves

    def about(self, arguments: dict[str, Any]) -> dict[str, str]:
        """What it is about, for people."""
        return about(self.operation, self._request(arguments))

    def places(self, arguments: dict[str, Any]) -> Places:
        """What it reads and writes."""
        return places(self.operation, self._request(arguments))

    def _request(self, arguments: dict[str, Any]) -> Any:
        """The request, of arguments that were checked."""
        return self.operation.request.model_construct(**arguments)

    def run(self, work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
        """The reply, as strict JSON."""
        request = self.operation.request.model_validate_json(json.dumps(arguments))
        return plain(self.operation.does(request, Served(work)).reply)


def tasks() -> dict[str, Task]:
    """By the name of their jobs: NAME for those someone waits for, NAME-large for those that take minutes."""
    found = {}
    for operation in _served():
        if callable(operation.slow):
            found[f"{operation.name}{LARGE}"] = Task(operation, "slow")
        found[operation.name] = Task(operation, "slow" if operation.slow is True else "quick")
    return found


def router() -> APIRouter:
    """A route for each operation that is served; those of one path take the request of any of them."""
    found = APIRouter()
    by_route: dict[str, list[Operation]] = {}
    for operation in _served():
        if operation.route is None or not operation.routed:
            continue
        by_route.setdefault(operation.route, []).append(operation)
    for route, several in by_route.items():
        method, path = route.split()
        first = several[0]
        found.add_api_route(
            path,
            _endpoint(several),
            methods=[method],
            operation_id=first.operation_id,
            summary=first.title,
            description=" ".join([*filter(None, [first.about]), *_caps(several)]) or None,
            tags=[first.tag],
            responses=job_replies(first.reply),
            response_class=Response,
        )
    found.add_api_route("/api/calls/{operation_id}", _show(), methods=["POST"], **CALLS)
    return found


CALLS: dict[str, Any] = {
    "operation_id": "show_call",
    "summary": "The same call as curl, as a command and as Python",
    "description": "The body is that of the operation. A form that there is not is null.",
    "tags": ["studies"],
    "responses": {
        200: {
            "description": "Text to copy.",
            "content": {"application/json": {"example": {"curl": "curl ...", "command": "reverie ...", "python": None}}},
        }
    },
}


def body_of(several: list[Operation]) -> Any:
    """The type of the body: the request, or of several operations any, told from each other by the field that they fix."""
    models: list[Any] = [served(operation.request) for operation in several]
    if len(models) == 1:
        return models[0]
    return Annotated[reduce(or_, models), Field(discriminator=several[0].chosen_by)]


def _endpoint(several: list[Operation]) -> Callable[..., Any]:
    async def endpoint(request: Request, jobs: Queue, limits: Limits, body: Any) -> Response:
        operation = next(each for each in several if isinstance(body, each.request))
        for field, value in body:
            if isinstance(value, str):
                bounded.check_length(value, limits, field)
        if operation.refuse and (sentence := operation.refuse(body, limits)):
            raise Problem(422, "usage", sentence)
        large = callable(operation.slow) and operation.slow(body)
        name = f"{operation.name}{LARGE}" if large else operation.name
        return await answer(request, jobs, name, body.arguments, wait=operation.wait)

    _sign(endpoint, several[0].operation_id, body_of(several))
    return endpoint


def _show() -> Callable[..., Any]:
    by_id: dict[str, list[Operation]] = {}
    for operation in _served():
        by_id.setdefault(operation.operation_id, []).append(operation)
    bodies = {id: (several, TypeAdapter(body_of(several))) for id, several in by_id.items()}

    async def show_call(
        request: Request, operation_id: Annotated[str, Path(max_length=100, examples=["sample"])]
    ) -> dict[str, str | None]:
        if operation_id not in bodies:
            raise Problem(404, "not-found", f"There is no operation of this name: there are {', '.join(sorted(bodies))}.")
        several, adapter = bodies[operation_id]
        raw = await request.body()
        try:
            body = adapter.validate_json(raw)
        except ValidationError as error:
            found = error.errors()
            sent = None if found[0]["type"] == "json_invalid" else from_json(raw)
            raise RequestValidationError([{**e, "loc": ("body", *e["loc"])} for e in found], body=sent) from error
        operation = next(each for each in several if isinstance(body, each.request))
        return calls(operation, body, _address(request))

    return show_call


def _address(request: Request) -> str:
    """Where the caller reached the service. Behind a proxy only the page knows, and says so (the guard has checked it)."""
    origin = request.headers.get("origin")
    return f"{origin}{request.base_url.path}".rstrip("/") if origin else str(request.base_url).rstrip("/")


def _sign(endpoint: Any, name: str, body: Any) -> None:
    """Gives the endpoint its name, and its body the type that FastAPI reads and documents."""
    endpoint.__name__ = name
    parameters = inspect.signature(endpoint, eval_str=True).parameters
    typed = [p.replace(annotation=body) if p.name == "body" else p for p in parameters.values()]
    endpoint.__signature__ = inspect.Signature(typed)


def _served() -> list[Operation]:
    return [operation for name in operations.TITLES if (operation := operations.find(name)).route is not None]


def _caps(several: list[Operation]) -> list[str]:
    caps = dict.fromkeys(cap.sentence for operation in several for cap in operation.caps)
    return [f"Cap: {'; '.join(caps)}."] if caps else []
