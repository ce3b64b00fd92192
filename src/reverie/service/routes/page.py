"""The page and the documentation of the API, with nothing from anywhere else."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from reverie.service.assets import reply

__all__ = ["router"]

router = APIRouter(include_in_schema=False)
READS = ["GET", "HEAD"]


@router.api_route("/", methods=READS)
def page(request: Request) -> Response:
    return reply(request.app.state.assets.get("index.html"), request)


@router.api_route("/docs", methods=READS)
def documentation(request: Request) -> Response:
    return reply(request.app.state.assets.get("docs/index.html"), request)


@router.api_route("/static/{name:path}", methods=READS)
def file(request: Request, name: str) -> Response:
    return reply(request.app.state.assets.get(name), request)


@router.api_route("/openapi.json", methods=READS)
def document(request: Request) -> Response:
    return Response(request.app.state.document(), media_type="application/json", headers={"cache-control": "no-cache"})
