"""The guide's statistics of a schedule, at its path; its other three calls are operations."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from reverie.operations.fields import Schedule
from reverie.service.routes.told import reply
from reverie.service.schemas import guide as schemas
from reverie.service.schemas.schedules import StatisticsQuery

__all__ = ["router"]

router = APIRouter(prefix="/api/diffusion", tags=["guide"])


@router.get(
    "/diffusion-statistics",
    operation_id="diffusion_statistics",
    summary="A schedule in numbers",
    description="Over t = 1..T; linear with T = 1000 and beta 0.0001..0.02, unless the query says otherwise.",
    responses=reply(schemas.StatisticsReply),
    response_class=Response,
)
def statistics(query: Annotated[StatisticsQuery, Query()]) -> Response:
    now = json.dumps(datetime.now(UTC).isoformat(timespec="seconds"))
    body = f'{{"statistics": {_statistics(json.dumps(query.config, sort_keys=True))}, "timestamp": {now}}}'
    return Response(body, media_type="application/json")


@lru_cache(256)
def _statistics(config: str) -> str:
    """As JSON; kept, for the same schedule has the same numbers."""
    from reverie.plain import plain
    from reverie.service.context import schedule
    from reverie.studies import statistics

    told: dict[str, Any] = json.loads(config)
    return json.dumps(plain(statistics(schedule(Schedule(**told)))), allow_nan=False)
