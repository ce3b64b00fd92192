"""The page and the documentation of the API. What they load is below /static: see `assets`."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from reverie.service.compressed import text
from reverie.service.giveaway import saved_page

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


@router.get("/")
async def page(request: Request) -> Response:
    return await request.app.state.assets.get_response("index.html", request.scope)


@router.get("/docs")
async def documentation(request: Request) -> Response:
    return await request.app.state.assets.get_response("docs/index.html", request.scope)


@router.get("/static/saved.html")
def saved(request: Request) -> Response:
    headers = {"cache-control": "no-cache", "content-disposition": "attachment; filename=saved.html"}
    return text(request, saved_page().encode(), "text/html; charset=utf-8", headers)


@router.get("/openapi.json")
def document(request: Request) -> Response:
    return text(request, request.app.state.document(), headers={"cache-control": "no-cache"})
