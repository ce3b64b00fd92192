"""What the page draws with: schedules, bundled pictures, noise, patients' series; and what there is at all."""

from __future__ import annotations

import json
from typing import Annotated, Any, cast

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import ConfigDict

import reverie
from reverie.operations.describing import Series, SeriesReply, series
from reverie.operations.fields import ScheduleName
from reverie.operations.request import served
from reverie.operations.studies.playground import ShapeName
from reverie.operations.studies.schedules import ScheduleReply, schedule
from reverie.service.compressed import text
from reverie.service.jobs.answer import answer
from reverie.service.routes.told import as_json, content, job_replies, json_of, reply
from reverie.service.schemas.schedules import About, PictureList, ShapeReply, TablesQuery
from reverie.service.state import Ask, Limits, Queue

__all__ = ["router"]

CACHED = {"cache-control": "public, max-age=3600"}
router = APIRouter(prefix="/api", tags=["schedules"])
Side = Annotated[int, Query(ge=1, le=512)]


@router.get(
    "/about",
    operation_id="about",
    summary="What there is: versions, names, limits",
    responses=reply(About),
    response_model=None,
)
def about(limits: Limits, ask: Ask) -> dict[str, Any]:
    told = limits.model_dump(exclude={"workspace", "host", "port", "allowed_hosts", "keys", "queue_url", "telemetry"})
    return {"version": reverie.__version__, **json.loads(ask("names")), "limits": told}


@router.get(
    "/schedules/{name}",
    operation_id=schedule.operation_id,
    summary=schedule.title,
    description=schedule.about,
    **json_of(ScheduleReply),
)
def get_schedule(request: Request, name: ScheduleName, query: Annotated[TablesQuery, Query()], ask: Ask) -> Response:
    config = json.dumps({**query.config, "name": name}, sort_keys=True)
    return text(request, ask("schedule", config=config, t=query.t, only=query.only))


@router.get(
    "/pictures",
    operation_id="list_pictures",
    summary="The bundled pictures",
    **json_of(PictureList),
)
def list_pictures(ask: Ask) -> Response:
    return as_json(ask("pictures"))


@router.get(
    "/pictures/{name}",
    operation_id="get_picture",
    summary="A bundled picture as PNG",
    **content("image/png", "At most 256 pixels a side."),
)
def get_picture(name: Annotated[str, Path(examples=["digits:3"], max_length=40)], ask: Ask) -> Response:
    return Response(ask("picture", name=name), media_type="image/png", headers=CACHED)


@router.get(
    "/noise",
    operation_id="get_noise",
    summary="The noise that belongs to a seed",
    description="float32, little-endian, [channels, height, width]: that of a demonstration of the forward process with "
    "this seed on a picture of this size, so that x_t = signal x_0 + noise eps can be formed elsewhere.",
    **content("application/octet-stream", "4 x channels x height x width bytes."),
)
def get_noise(
    ask: Ask,
    height: Side,
    width: Side,
    channels: Annotated[int, Query(ge=1, le=3)] = 1,
    seed: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> Response:
    noise = ask("noise", height=height, width=width, channels=channels, seed=seed)
    return Response(noise, media_type="application/octet-stream", headers=CACHED)


@router.get(
    "/shapes/{name}",
    operation_id="get_shape",
    summary="The points of an example of the playground",
    **json_of(ShapeReply),
)
def get_shape(name: ShapeName, ask: Ask) -> Response:
    return as_json(ask("shape", name=name), CACHED)


_Series = cast(type[Series], served(Series))


class SeriesQuery(_Series):
    """As it stands in an address, where what is not known is passed over."""

    model_config = ConfigDict(extra="ignore")


@router.get(
    "/series",
    operation_id="get_series",
    summary=series.title,
    responses=job_replies(SeriesReply),
    response_class=Response,
)
async def get_series(
    request: Request,
    jobs: Queue,
    ask: Ask,
    query: Annotated[SeriesQuery, Query()],
) -> Response:
    if query.table in json.loads(await run_in_threadpool(ask, "names"))["tables"]:
        return as_json(await run_in_threadpool(ask, "series", table=query.table, patient=query.patient))
    return await answer(request, jobs, "series", query.arguments, wait=series.wait)
