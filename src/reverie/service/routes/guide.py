"""The four calls of the guide, at its paths."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from reverie.service import bounded
from reverie.service.jobs.answer import answer
from reverie.service.routes.told import job_replies, reply
from reverie.service.schemas import guide as schemas
from reverie.service.schemas.schedules import StatisticsQuery
from reverie.service.state import Ask, Limits, Queue

__all__ = ["router"]

WAIT = 30.0
LARGE = 60_000_000  # steps x pixels, above which a demonstration is not waited for

router = APIRouter(prefix="/api/diffusion", tags=["guide"])


@router.post(
    "/analyze-diffusion-process",
    operation_id="analyze_diffusion_process",
    summary="How a picture drowns in noise",
    description="States at evenly chosen steps from clean to noise, with the signal that is left and the SNR in dB of the "
    "picture's own power.",
    responses=job_replies(schemas.AnalyseReply),
    response_class=Response,
)
async def analyse(request: Request, jobs: Queue, limits: Limits, body: schemas.Analyse) -> Response:
    bounded.check_length(body.image_base64 or "", limits)
    return await answer(request, jobs, "analysis", body.arguments, wait=WAIT)


@router.post(
    "/demonstrate-forward-diffusion",
    operation_id="demonstrate_forward_diffusion",
    summary="The forward process at chosen steps",
    description="One noise for all steps, so that the pictures belong together. t = 0 is the clean picture.",
    responses=job_replies(schemas.ForwardReply),
    response_class=Response,
)
async def forward(request: Request, jobs: Queue, limits: Limits, body: schemas.Forward) -> Response:
    bounded.check_length(body.image_base64 or "", limits)
    return await answer(request, jobs, "forward", body.arguments, wait=WAIT)


@router.post(
    "/demonstrate-reverse-diffusion",
    operation_id="demonstrate_reverse_diffusion",
    summary="From pure noise to a picture",
    description="By the exact denoiser of two real photographs, or by a trained run: `metadata.evidence` says which.",
    responses=job_replies(schemas.ReverseReply),
    response_class=Response,
)
async def reverse(request: Request, jobs: Queue, body: schemas.Reverse) -> Response:
    size = 0 if body.model else body.width * body.height * body.num_steps
    return await answer(request, jobs, "reverse-large" if size > LARGE else "reverse", body.arguments, wait=WAIT)


@router.get(
    "/diffusion-statistics",
    operation_id="diffusion_statistics",
    summary="A schedule in numbers",
    description="Over t = 1..T; linear with T = 1000 and beta 0.0001..0.02, unless the query says otherwise.",
    responses=reply(schemas.StatisticsReply),
    response_class=Response,
)
def statistics(query: Annotated[StatisticsQuery, Query()], ask: Ask) -> Response:
    numbers = ask("statistics", config=json.dumps(query.config, sort_keys=True))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Response(b'{"statistics": %b, "timestamp": "%b"}' % (numbers, now.encode()), media_type="application/json")
