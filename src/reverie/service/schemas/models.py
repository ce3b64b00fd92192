"""Trained runs: lists, cards, samples, training."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from reverie.service.schemas.parts import (
    FileMade,
    Overwrite,
    Reply,
    Request,
    RunName,
    Sampler,
    Seed,
    Word,
    example,
)

__all__ = ["MetricsReply", "ModelList", "Sample", "SampleReply", "Spacing"]


Spacing = Literal["trailing", "leading", "linspace", "log_snr", "karras", "angle"]


class Sample(Request):
    """New patients, or new pictures."""

    model_config = example({"model": "runs/patients", "count": 20, "seed": 0, "where": ["sex=female", "age>50"]})

    model: RunName
    count: int = Field(
        ge=1,
        le=1_000_000,
        description="Patients or pictures. Caps: count x steps is at most 20,000,000 for patients; count x pixels x steps "
        "is at most 4,000,000,000 for pictures, and count at most 4,096.",
        examples=[100],
    )
    seed: Seed = 0
    sampler: Sampler | None = Field(None, description="The model's usual one if left out.")
    steps: int | None = Field(None, ge=1, le=1000, description="Of the sampler; the model's usual number if left out.")
    spacing: Spacing | None = Field(None, description="Where the steps lie.")
    eta: float | None = Field(None, ge=0, le=1, description="Of ddim.")
    where: list[Word] = Field(
        default=[],
        max_length=20,
        description="What patients must be: column=value, or one of = != < <= > >=; or pictures: class=NAME, each in turn.",
    )
    guidance: float | None = Field(
        None, ge=0, le=10, description="How strongly visits follow the statics, or pictures their class; 1 as learned."
    )
    clip: bool | None = Field(None, description="Keep predicted pictures inside [-1, 1].")
    out: str | None = Field(
        None,
        min_length=1,
        max_length=484,
        description="A name in the workspace: .csv, .csv.gz or .parquet for patients; .png, .npy or .npz for pictures. Left "
        "out, the file stays with the job.",
        examples=["tables/new.csv"],
    )
    overwrite: Overwrite = False

    @property
    def large(self) -> bool:
        """Whether it takes more than someone would wait for."""
        return self.count > 256 or self.count * (self.steps or 20) > 5000


class SampleReply(Reply):
    """What was made, where it is, and a look at it."""

    model_config = example(
        {
            "summary": {"patients": 20, "rows": 121, "sampler": "angular", "steps": 6, "seed": 0, "seconds": 0.7},
            "files": [
                {
                    "name": "patients.csv",
                    "href": "/api/jobs/0c5e2d0a4f3b4f0e8a9d1c2b3a4f5e6d/files/patients.csv",
                    "bytes": 9810,
                }
            ],
            "preview": {"columns": ["id", "year", "sex"], "rows": [[1, 0.0, "female"]]},
        }
    )

    summary: dict[str, Any]
    files: list[FileMade]
    preview: dict[str, Any] = Field(
        description="Of patients columns and the first 50 rows; of pictures the first 16 as data URLs."
    )


class ModelList(Reply):
    """The runs of the workspace."""

    model_config = example(
        {
            "models": [
                {"name": "runs/patients", "kind": "records", "source": "pbc2", "steps": 20, "trained": True, "size": 21},
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
