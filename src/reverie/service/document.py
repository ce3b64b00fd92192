"""The OpenAPI document: what FastAPI finds in the routes, and how to enter, what errors look like, what the groups are."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

import reverie
from reverie.service.keys import needed
from reverie.service.origin_policy import OPEN
from reverie.service.problems import MEDIA_TYPE

__all__ = ["TAGS", "document", "text"]

TAGS = {
    "guide": "The four calls of the forward and reverse diffusion guide.",
    "schedules": "Noise schedules, bundled pictures and series: what the page draws.",
    "studies": "Trajectories, comparisons of samplers, proofs and mistakes.",
    "models": "Trained runs, sampling, imputation and training.",
    "reports": "Whether what a model makes is realistic, useful and private.",
    "records": "Tables of visits.",
    "jobs": "What takes longer than a call: state, events, cancelling, results.",
    "files": "The workspace.",
    "health": "For whoever runs the server.",
}
ABOUT = """Diffusion run backwards, on images and on patient records, and shown to be right.

Slow work is a job. Such a call waits for it a while (`Prefer: wait=N`, in seconds) and then answers 202 with the job's
address. `Idempotency-Key` makes a call safe to repeat. Errors are problem details (RFC 9457) with a request id.
Numbers that are not finite are null, and times are ISO 8601 in UTC. Addresses in replies begin at the service: put them
behind its address, as in `BASE + href`."""
PROBLEM = {
    "type": "object",
    "title": "Problem",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["/problems/invalid"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One sentence: what is wrong, and what to do."},
        "request_id": {"type": "string", "description": "The same as in the server's log."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": "string"},
                    "message": {"type": "string"},
                    "choices": {"type": "array", "items": {"type": "string"}, "description": "What it may be."},
                },
            },
        },
    },
}
UNSAFE = {"post", "put", "delete", "patch"}


def document(app: FastAPI, root_path: str = "") -> dict[str, Any]:
    """The document of an app that has this path in front of its addresses."""
    found = get_openapi(
        title="Reverie",
        version=reverie.__version__,
        summary="Diffusion you can watch.",
        description=ABOUT,
        routes=app.routes,
        servers=[{"url": root_path}] if root_path else None,
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
    )
    parts = found.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = PROBLEM
    parts["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key, where the server wants one; of the scope that is named, or one that holds it: "
            "read looks, run also makes, manage also deletes and renames.",
        }
    }
    found["security"] = [{"key": []}, {}]
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            _complete(operation, path, method)
    return found


def text(app: FastAPI) -> bytes:
    """The document as it is served and kept."""
    return (json.dumps(app.openapi(), indent=1, ensure_ascii=False) + "\n").encode()


def _complete(operation: dict[str, Any], path: str, method: str) -> None:
    """Adds the scope that a key needs, and the errors that any call may give."""
    operation["security"] = [] if path in OPEN else [{"key": [needed(method.upper(), path)]}, {}]
    responses = operation["responses"]
    if "HTTPValidationError" in json.dumps(responses.get("422", "")):
        responses["422"] = _problem("A field, a name or the data cannot be used.")
    for status, about in {
        "400": "The request is not well formed.",
        "401": "An API key is needed.",
        "403": "A page of another site asked, or the API key is not for this.",
        "404": "There is nothing of this name.",
        "408": "The request came too slowly.",
        "409": "Something is there already, or is damaged.",
        "413": "The request is too large.",
        "415": "The body is not JSON.",
        "421": "The server is not known by this name.",
        "503": "The server has no room for this now, or is stopping: see Retry-After.",
        "507": "The disk has no room.",
    }.items():
        if (status in {"401", "403"} and path in OPEN) or (
            status in {"408", "409", "413", "415", "507"} and method not in UNSAFE
        ):
            continue
        responses.setdefault(status, _problem(about))
    responses["default"] = _problem("Any other error.")


def _problem(about: str) -> dict[str, Any]:
    return {"description": about, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
