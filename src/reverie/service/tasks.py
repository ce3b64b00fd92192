"""What jobs do: the operations that are served, by the names of their jobs."""

from __future__ import annotations

from reverie.service import derive

__all__ = ["TASKS"]

TASKS = derive.tasks()
