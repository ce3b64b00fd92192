"""The guide's statistics of a schedule, at its path; its other three calls are operations."""

from __future__ import annotations

import json
import time
from typing import Annotated

from fastapi import APIRouter, Query, Response

from reverie.plain import moment
from reverie.service.routes.told import as_json, json_of
from reverie.service.schemas import guide as schemas
from reverie.service.schemas.schedules import StatisticsQuery
from reverie.service.state import Ask

__all__ = ["router"]

router = APIRouter(prefix="/api/diffusion", tags=["guide"])


@router.get(
    "/diffusion-statistics",
    operation_id="diffusion_statistics",
    summary="A schedule in numbers",
    description="Over t = 1..T; linear with T = 1000 and beta 0.0001..0.02, unless the query says otherwise.",
    **json_of(schemas.StatisticsReply),
)
def statistics(query: Annotated[StatisticsQuery, Query()], ask: Ask) -> Response:
    numbers = ask("statistics", config=json.dumps(query.config, sort_keys=True))
    now = moment(time.time())
    return as_json(b'{"statistics": %b, "timestamp": "%b"}' % (numbers, now.encode()))
