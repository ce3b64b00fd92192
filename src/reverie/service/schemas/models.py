"""Trained runs: lists and numbers."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from reverie.operations.request import Reply, example

__all__ = ["MetricsReply", "ModelList"]


class ModelList(Reply):
    """The runs of the workspace."""

    model_config = example(
        {
            "models": [
                {
                    "name": "runs/patients",
                    "kind": "records",
                    "source": "pbc2",
                    "steps": 20,
                    "trained": True,
                    "size": 21,
                    "state": "trained",
                    "job": None,
                    "done": 20,
                    "loss": 0.93,
                    "loss_aside": 0.91,
                    "bytes": 412_345,
                    "modified": "2025-01-31T09:30:00.000+00:00",
                    "report": "runs/patients",
                    "verdict": "Holds up beside the real ones: logic.",
                },
                {
                    "name": "runs/digits",
                    "kind": "images",
                    "source": "digits",
                    "steps": 9,
                    "trained": True,
                    "size": [8, 8, 1],
                },
            ]
        }
    )

    models: list[dict[str, Any]] = Field(
        description="kind is images or records; size is [height, width, channels], or the number of columns. A run that "
        "cannot be understood has `error` and kind null."
    )


class MetricsReply(Reply):
    """Lines of metrics.jsonl."""

    model_config = example({"metrics": [{"step": 20, "loss": 0.93}, {"step": 20, "loss_aside": 0.91}], "last": 20})

    metrics: list[dict[str, Any]]
    last: int = Field(description="The last step; give it as `after` to hear what came since.")
