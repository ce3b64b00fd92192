"""One way to answer a call that makes a job: the result if it is soon there, otherwise the job's address."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from reverie.service.jobs.jobs import Jobs

__all__ = ["answer"]

WAIT = re.compile(r"\s*wait\s*=\s*\"?(\d{1,6})\"?\s*", re.IGNORECASE)


async def answer(request: Request, jobs: Jobs, task: str, arguments: dict[str, Any], *, wait: float) -> Response:
    """Submits the job and waits for it; `Prefer: wait=N` changes how long, up to the service's own limit.

    200 with the result, the problem the job ended with, or 202 with its address. The job does not end with the connection.
    """
    key = request.headers.get("idempotency-key")
    who, trace = getattr(request.state, "caller", None), getattr(request.state, "trace", None)
    job = await run_in_threadpool(jobs.submit, task, arguments, key=key, who=who, trace=trace)
    job = await jobs.wait(job.id, min(_preferred(request, wait), jobs.wait_seconds))
    address = {"X-Job": job.id, "Cache-Control": "no-store"}
    if job.final:
        content = await run_in_threadpool(jobs.result_bytes, job.id)
        return Response(content, 200, address, "application/json")
    headers = address | {"Location": f"/api/jobs/{job.id}"}
    return Response(json.dumps(job.view(), allow_nan=False), 202, headers, "application/json")


def _preferred(request: Request, wait: float) -> float:
    """RFC 7240: the client may say how many seconds it would wait; what cannot be read is passed over."""
    for part in ",".join(request.headers.getlist("prefer")).replace(";", ",").split(","):
        if part.strip().lower() == "respond-async":
            return 0
        if seconds := WAIT.fullmatch(part):
            return float(seconds[1])
    return wait if math.isfinite(wait) else 0
