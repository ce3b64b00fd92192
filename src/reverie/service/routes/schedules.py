"""What the page draws with: schedules, bundled pictures, noise, patients' series; and what there is at all."""

from __future__ import annotations

import inspect
import json
from functools import lru_cache
from typing import Annotated, Any, cast

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import ConfigDict

import reverie
from reverie.operations.describing import Series, SeriesReply, series
from reverie.operations.fields import Schedule, ScheduleName
from reverie.operations.request import served
from reverie.service.jobs.answer import answer
from reverie.service.problems import Problem
from reverie.service.routes.told import job_replies, reply
from reverie.service.schemas.schedules import About, PictureList, ScheduleQuery, ScheduleReply
from reverie.service.state import Limits, Queue

__all__ = ["router", "warm"]

DIGITS = 10
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
def about(limits: Limits) -> dict[str, Any]:
    told = limits.model_dump(exclude={"workspace", "host", "port", "allowed_hosts", "keys", "queue_url"})
    return {"version": reverie.__version__, **_names(), "limits": told}


@lru_cache(1)
def _names() -> dict[str, Any]:
    from reverie.denoisers.registry import recipes
    from reverie.process import NoiseSchedule
    from reverie.process.schedule import CONSTRUCTORS
    from reverie.records.reading import BUNDLED
    from reverie.samplers import SAMPLERS, SPACINGS

    def defaults(function: Any) -> dict[str, Any]:
        found = inspect.signature(function).parameters.values()
        return {p.name: p.default for p in found if p.default is not p.empty}

    return {
        "samplers": [
            {
                "name": name,
                "order": entry.order,
                "stochastic": entry.stochastic,
                "settings": entry.settings,
            }
            for name, entry in SAMPLERS.items()
        ],
        "spacings": list(SPACINGS),
        "schedules": {name: defaults(getattr(NoiseSchedule, name)) for name in CONSTRUCTORS if name != "from_betas"},
        "recipes": {name: "records" if "codec" in told else "images" for name, told in recipes().items()},
        "pictures": [each["name"] for each in _pictures()],
        "tables": list(BUNDLED),
    }


@router.get(
    "/schedules/{name}",
    operation_id="get_schedule",
    summary="A schedule's tables over t = 0..T",
    description="Null where infinite. Settings that are left out have their defaults.",
    responses=reply(ScheduleReply),
    response_class=Response,
)
def get_schedule(name: ScheduleName, query: Annotated[ScheduleQuery, Query()]) -> Response:
    return Response(_tables(json.dumps({**query.config, "name": name}, sort_keys=True)), media_type="application/json")


@lru_cache(128)
def _tables(config: str) -> str:
    from reverie.plain import plain
    from reverie.service.context import schedule

    found = schedule(Schedule(**json.loads(config)))
    tables = {
        "beta": found.beta,
        "alpha_bar": found.alpha_bar,
        "log_snr": found.log_snr,
        "snr_db": found.snr_db,
        "posterior_variance": found.posterior_variance,
        "signal": found.signal,
        "noise": found.sigma,
    }
    reply = {
        "config": dict(found.config),
        "warning": found.warning,
        "t": list(range(found.steps + 1)),
        **{name: table.tolist() for name, table in tables.items()},
    }
    return json.dumps(plain(reply), allow_nan=False, separators=(",", ":"))


@router.get(
    "/pictures",
    operation_id="list_pictures",
    summary="The bundled pictures",
    responses=reply(PictureList),
    response_model=None,
)
def list_pictures() -> dict[str, Any]:
    return {"pictures": _pictures()}


@lru_cache(1)
def _pictures() -> list[dict[str, Any]]:
    from reverie.studies.subject import PHOTOGRAPHS, subject

    found = [(f"digits:{i}", f"handwritten digit {i}") for i in range(DIGITS)]
    found += [(name, f"photograph: {name}") for name in PHOTOGRAPHS]
    shapes = [subject(name).pixels.shape for name, _ in found]
    return [
        {"name": name, "title": title, "width": width, "height": height, "channels": channels}
        for (name, title), (height, width, channels) in zip(found, shapes, strict=True)
    ]


@router.get(
    "/pictures/{name}",
    operation_id="get_picture",
    summary="A bundled picture as PNG",
    response_class=Response,
    responses={200: {"description": "At most 256 pixels a side.", "content": {"image/png": {}}}},
)
def get_picture(name: Annotated[str, Path(examples=["digits:3"], max_length=40)]) -> Response:
    if name not in {each["name"] for each in _pictures()}:
        raise Problem(404, "not-found", "There is no bundled picture of this name: GET /api/pictures lists them.")
    return Response(_png(name), media_type="image/png", headers=CACHED)


@lru_cache(32)
def _png(name: str) -> bytes:
    from reverie.images import png
    from reverie.studies.subject import subject

    return png(subject(name).pixels)


@router.get(
    "/noise",
    operation_id="get_noise",
    summary="The noise that belongs to a seed",
    description="float32, little-endian, [channels, height, width]: that of a demonstration of the forward process with "
    "this seed on a picture of this size, so that x_t = signal x_0 + noise eps can be formed elsewhere.",
    response_class=Response,
    responses={200: {"description": "4 x channels x height x width bytes.", "content": {"application/octet-stream": {}}}},
)
def get_noise(
    height: Side,
    width: Side,
    channels: Annotated[int, Query(ge=1, le=3)] = 1,
    seed: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> Response:
    import torch

    from reverie.studies.frames import noise_of

    noise = noise_of(torch.empty(1, channels, height, width, dtype=torch.float64), seed)
    return Response(noise[0].numpy().astype("<f4").tobytes(), media_type="application/octet-stream", headers=CACHED)


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
    query: Annotated[SeriesQuery, Query()],
) -> Response:
    if await run_in_threadpool(_is_bundled, query.table):
        return Response(await run_in_threadpool(_series, query.table, query.patient), media_type="application/json")
    return await answer(request, jobs, "series", query.arguments, wait=series.wait)


def _is_bundled(table: str) -> bool:
    from reverie.records.reading import BUNDLED

    return table in BUNDLED


@lru_cache(4)
def _bundled(table: str) -> Any:
    from reverie.records.table import read_table

    return read_table(table)


def _series(table: str, patient: str | None) -> str:
    from reverie.plain import plain
    from reverie.records.patient import patient_series

    return json.dumps(plain(patient_series(_bundled(table), patient)), allow_nan=False)


def warm() -> None:
    """Makes beforehand what every page asks for first."""
    _names()
    _tables(json.dumps({"name": "linear"}))
    for picture in _pictures():
        _png(picture["name"])
    get_noise(1, 1)
