"""The log: one line of JSON for each request (`observed`), and no values.

A line has the request id, the route's template (not the address: it may hold a patient's name), status, time and bytes. Of
an error it has the class and the places in the code, never the message: that may quote a cell of someone's table. For the
same reason nothing of another library's message is written down.
"""

from __future__ import annotations

import json
import logging
import time
import traceback
from pathlib import PurePath

__all__ = ["Lines", "configure", "say"]

OURS = ("reverie.", "uvicorn")
FRAMES = 12

logger = logging.getLogger("reverie.service")


class Lines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        ours = record.name.startswith(OURS)
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage() if ours else f"message of {record.name}",
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["error"], line["at"] = _places(record.exc_info[1])
        return json.dumps(line, default=str)


def configure() -> None:
    """Sends the log to what stderr is when a line is written; what it is now may be put elsewhere and closed."""
    assert logging.lastResort is not None
    handler = type(logging.lastResort)()  # the handler of logging's own that keeps no stream
    handler.setFormatter(Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logger.setLevel(logging.INFO)
    logging.captureWarnings(True)


def say(event: str, level: int = logging.INFO, error: BaseException | None = None, **fields: object) -> None:
    """Writes one line. `event` is a fixed sentence; fields are numbers and names of our own, never a value of a table."""
    logger.log(level, event, exc_info=error, extra={"fields": {k: v for k, v in fields.items() if v is not None}})


def _places(error: BaseException) -> tuple[str, list[str]]:
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    return type(error).__name__, [f"{PurePath(f.filename).name}:{f.lineno} {f.name}" for f in frames]
