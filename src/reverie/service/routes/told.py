"""What routes tell of their replies in the OpenAPI document, and how they answer with what `ask` has written."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from reverie.operations.request import Reply
from reverie.service.routes.jobs import JobView

__all__ = ["as_json", "content", "job_replies", "json_of", "reply"]

Responses = dict[int | str, dict[str, Any]]


def json_of(model: type[Reply]) -> dict[str, Any]:
    """Of a route: it answers with JSON that is passed on as it was written, and is this model."""
    return {"responses": reply(model), "response_class": Response}


def content(media_type: str, description: str, others: Responses | None = None) -> dict[str, Any]:
    """Of a route: it answers with content of this type, or in one of the other ways."""
    responses = {200: {"description": description, "content": {media_type: {}}}}
    return {"responses": {**responses, **(others or {})}, "response_class": Response}


def as_json(written: bytes, headers: dict[str, str] | None = None) -> Response:
    """JSON as it was written."""
    return Response(written, media_type="application/json", headers=headers)


def reply(model: type[Reply], description: str = "Done.") -> Responses:
    """200 with this model, and its example."""
    extra = model.model_config.get("json_schema_extra")
    content = {}
    if isinstance(extra, dict) and isinstance(examples := extra.get("examples"), list):
        content = {"application/json": {"example": examples[0]}}
    return {200: {"model": model, "description": description, "content": content}}


def job_replies(model: type[Reply]) -> Responses:
    """200 with the result where it came soon, otherwise 202 with the job."""
    later = "Not done yet: the job, whose address is in Location. Its result is what 200 would have answered."
    return {**reply(model), 202: {"model": JobView, "description": later}}
