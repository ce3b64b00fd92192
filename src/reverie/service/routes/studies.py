"""Trajectories, comparisons of samplers, proofs, mistakes."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from reverie.service import bounded
from reverie.service.jobs.answer import answer
from reverie.service.routes.told import job_replies
from reverie.service.schemas import studies as schemas
from reverie.service.state import Limits, Queue

__all__ = ["router"]

WAIT = 30.0
router = APIRouter(prefix="/api", tags=["studies"])


@router.post(
    "/trajectories",
    operation_id="make_trajectory",
    summary="A reverse process, every state of it",
    description="Cap: steps x width x height is at most 4,000,000.",
    responses=job_replies(schemas.TrajectoryReply),
    response_class=Response,
)
async def trajectory(request: Request, jobs: Queue, limits: Limits, body: schemas.Trajectory) -> Response:
    bounded.check_length(body.picture or "", limits, "picture")
    return await answer(request, jobs, "trajectory", body.arguments, wait=WAIT)


@router.post(
    "/comparisons",
    operation_id="compare_samplers",
    summary="The same noise through samplers and numbers of steps",
    description="Cap: calls of the denoiser x width x height is at most 60,000,000, of a network 2,000,000. Each cell is a "
    "`metric` event of the job as it is made.",
    responses=job_replies(schemas.ComparisonReply),
    response_class=Response,
)
async def comparison(request: Request, jobs: Queue, body: schemas.Comparison) -> Response:
    return await answer(request, jobs, "comparison", body.arguments, wait=WAIT)


@router.post(
    "/proofs",
    operation_id="prove",
    summary="Check every identity now, in float64",
    responses=job_replies(schemas.ProofsReply),
    response_class=Response,
)
async def proofs(request: Request, jobs: Queue, body: schemas.Proofs) -> Response:
    return await answer(request, jobs, "proofs", body.arguments, wait=WAIT)


@router.post(
    "/mistakes",
    operation_id="show_mistakes",
    summary="Show the known mistakes failing, with the damage",
    responses=job_replies(schemas.MistakesReply),
    response_class=Response,
)
async def mistakes(request: Request, jobs: Queue, body: schemas.Mistakes) -> Response:
    return await answer(request, jobs, "mistakes", body.arguments, wait=WAIT)
