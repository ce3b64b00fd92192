"""The files of the workspace: list, upload, download, delete."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Annotated, Any, BinaryIO
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.concurrency import contextmanager_in_threadpool, run_in_threadpool
from fastapi.responses import JSONResponse

from reverie.modality import DATABASES, IMAGE_FILES
from reverie.plain import moment
from reverie.service import names
from reverie.service.downloads import Download
from reverie.service.state import Queue, Store

__all__ = ["DOWNLOAD", "TYPES", "attachment", "router"]

TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".csv.gz": "application/gzip",
    ".parquet": "application/vnd.apache.parquet",
    ".tsv": "text/tab-separated-values; charset=utf-8",
    **dict.fromkeys((".psv", ".txt", ".tab"), "text/plain; charset=utf-8"),
    **dict.fromkeys((".tsv.gz", ".psv.gz", ".txt.gz", ".tab.gz"), "application/gzip"),
    **dict.fromkeys((".xlsx", ".xlsm", ".sas7bdat", ".xpt", ".sav", ".zsav", ".dta"), "application/octet-stream"),
    **dict.fromkeys((*DATABASES, *IMAGE_FILES), "application/octet-stream"),
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".ndjson": "application/x-ndjson",
    **dict.fromkeys((".ndjson.gz", ".jsonl.gz", ".json.gz"), "application/gzip"),
    ".yaml": "application/yaml",
    ".md": "text/markdown; charset=utf-8",
    ".html": "application/octet-stream",
    ".onnx": "application/octet-stream",
}
SUFFIXES = tuple(TYPES)
UPLOADED = tuple(suffix for suffix in SUFFIXES if suffix not in (".html", ".onnx"))
"""Pages and networks are made here and given out, but not taken in: a foreign one could be looked at as if it were ours."""
GATHERED = 1 << 20

DOWNLOAD: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file, as an attachment.", "content": {"application/octet-stream": {}}},
    206: {"description": "The part that Range asked for.", "content": {"application/octet-stream": {}}},
    304: {"description": "It has not changed: If-None-Match named its ETag."},
    416: {"description": "The file has no such part.", "content": {"application/problem+json": {}}},
}

router = APIRouter(prefix="/api/files", tags=["files"])
Name = Annotated[
    str,
    Path(
        description="A name in the workspace, at most four parts deep, with / between them. It ends in one of "
        + ", ".join(SUFFIXES)
        + ".",
        examples=["tables/visits.csv"],
        max_length=500,
    ),
]


@router.get("", summary="List the files of the workspace")
def list_files(workspace: Store) -> dict[str, Any]:
    found = [entry for entry in workspace.entries() if names.ends(entry.name, SUFFIXES)]
    settings = workspace.quota.settings
    return {
        "files": [
            {"name": f.name, "bytes": f.bytes, "modified": moment(f.modified), "href": _address(f.name)} for f in found
        ],
        "used": workspace.quota.used(),
        "limits": {"files": settings.files, "file_bytes": settings.file_bytes, "total_bytes": settings.total_bytes},
    }


@router.put(
    "/{name:path}",
    summary="Upload a file",
    description="The body is the file, streamed to the disk. Its name appears when all of it is there, and not before.",
    status_code=201,
    responses={200: {"description": "A file of this name was overwritten."}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def put_file(
    request: Request,
    workspace: Store,
    jobs: Queue,
    name: Name,
    overwrite: Annotated[bool, Query(description="Replace a file of this name.")] = False,
) -> JSONResponse:
    await run_in_threadpool(jobs.check_unused, name, writes_only=not overwrite)
    there = await run_in_threadpool(workspace.has, name, UPLOADED) if overwrite else False
    async with AsyncExitStack() as held, contextmanager_in_threadpool(workspace.writing(name, UPLOADED, overwrite)) as file:
        gathered = bytearray()
        async for part in request.stream():
            gathered += part
            if len(gathered) >= GATHERED:
                await run_in_threadpool(file.write, bytes(gathered))
                gathered.clear()
        await run_in_threadpool(file.write, bytes(gathered))
        await held.enter_async_context(contextmanager_in_threadpool(jobs.changing(name, replaces=overwrite)))
    name = "/".join(names.parts(name))
    body = {"name": name, "bytes": file.bytes, "href": _address(name)}
    return JSONResponse(body, 200 if there else 201, {"location": _address(name)})


@router.get(
    "/{name:path}",
    summary="Download a file",
    description="Always as an attachment, so that no browser shows or runs it as a page. Range asks for a part of it, "
    "If-None-Match whether it has changed.",
    response_class=Response,
    responses=DOWNLOAD,
)
def get_file(workspace: Store, name: Name) -> Download:
    return attachment(workspace.open(name, SUFFIXES), name)


@router.delete("/{name:path}", summary="Delete a file, or a trained run with all that is in its folder", status_code=204)
def delete_file(workspace: Store, jobs: Queue, name: Name) -> None:
    with jobs.changing(name):
        workspace.remove(name, SUFFIXES)


def attachment(file: BinaryIO, name: str) -> Download:
    """An open file as a download, of the type of its name."""
    last = "/".join(names.parts(name)).rpartition("/")[2]
    kind = next(
        (TYPES[s] for s in sorted(TYPES, key=len, reverse=True) if names.ends(last, (s,))), "application/octet-stream"
    )
    return Download(file, last, kind)


def _address(name: str) -> str:
    return f"/api/files/{quote(name)}"
