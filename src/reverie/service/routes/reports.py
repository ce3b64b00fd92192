"""Reports on what runs make: which there are, their numbers, and their pages. They are made by the operation `report`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from reverie.service.kept import report_of, reports_of, runs_of
from reverie.service.listing import COMPARISON, REPORT
from reverie.service.page_policy import page_headers
from reverie.service.routes.told import as_json, content, json_of
from reverie.service.schemas import reports as schemas
from reverie.service.state import Ask, Queue, Store

__all__ = ["router"]

router = APIRouter(prefix="/api/reports", tags=["reports"])
Name = Annotated[
    str,
    Path(
        description="The folder of a report in the workspace: that of its run, or another.",
        examples=["runs/patients"],
        max_length=484,
    ),
]


@router.get(
    "",
    operation_id="list_reports",
    summary="The reports of the workspace, in words",
    **json_of(schemas.ReportList),
)
def list_reports(workspace: Store, ask: Ask) -> Response:
    return as_json(ask("reports", root=str(workspace.root), runs=runs_of(workspace), reports=reports_of(workspace)))


@router.get(
    "/{name:path}/page",
    operation_id="get_report_page",
    summary="The page of a report",
    description="One file that needs no other. Its policy lets it run its own script and ask for nothing.",
    **content("text/html", "The page."),
)
def get_page(workspace: Store, name: Name) -> Response:
    found = report_of(workspace, name)
    with workspace.open_inside(name, (COMPARISON if found["comparison"] else REPORT)[0]) as file:
        page = file.read()
    return Response(page, media_type="text/html; charset=utf-8", headers=page_headers(page))


@router.delete(
    "/{name:path}",
    operation_id="delete_report",
    summary="Delete a report; the run whose folder it is in stays",
    description="409 while a job uses it.",
    status_code=204,
)
def delete_report(workspace: Store, jobs: Queue, name: Name) -> None:
    found = report_of(workspace, name)
    with jobs.changing(name):
        workspace.remove_inside(name, COMPARISON if found["comparison"] else REPORT)


@router.get(
    "/{name:path}",
    operation_id="get_report",
    summary="A report: its words, and all of its numbers",
    **json_of(schemas.ReportReply),
)
def get_report(workspace: Store, name: Name, ask: Ask) -> Response:
    found = report_of(workspace, name)
    return as_json(ask("report", root=str(workspace.root), runs=runs_of(workspace), reports=[found]))
