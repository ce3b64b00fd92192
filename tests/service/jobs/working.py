"""A worker that no server started, over chores instead of tasks: python working.py WORKSPACE LANE [QUEUE_URL]"""

from __future__ import annotations

import sys

from reverie.service.jobs.worker import Worker
from reverie.service.settings import Settings

if __name__ == "__main__":
    workspace, lane, *url = sys.argv[1:]
    Worker(Settings(workspace=workspace, queue_url=next(iter(url), None)), lane, tasks="chores:TASKS").run()
