"""What routes tell of their replies in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from reverie.operations.request import Reply
from reverie.service.routes.jobs import JobView

__all__ = ["job_replies", "reply"]

Responses = dict[int | str, dict[str, Any]]


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
