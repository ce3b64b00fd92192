"""Trained runs: lists, cards, samples, training."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from reverie.service.schemas.parts import (
    Overwrite,
    Reply,
    Request,
    RunName,
    Seed,
    Word,
    example,
)

__all__ = ["IDENTIFIER", "Card", "Identifier", "MetricsReply", "ModelList", "Training"]

Identifier = Word | Annotated[list[Word], Field(min_length=2, max_length=5)]
IDENTIFIER = "the column that says whose visit a row is, or those that do so together; row where each row is a patient."

Value = bool | int | float | str | None | list[bool | int | float | str]


class Training(Request):
    """A run: from data to a model."""

    model_config = example({"source": "pbc2", "out": "runs/patients", "steps": 20, "settings": {"network.width": 16}})

    source: Annotated[
        str,
        Field(
            min_length=1,
            max_length=484,
            description="A table, a picture, an array or a folder of pictures in the workspace; or pbc2, or digits.",
            examples=["pbc2"],
        ),
    ]
    out: RunName
    minutes: float | None = Field(None, ge=0.02, le=120, description="Budget; made a number of steps by a measurement.")
    steps: int | None = Field(None, ge=1, le=1_000_000, description="Budget in steps, instead.")
    seed: Seed = 0
    recipe: (
        Literal["records", "health-gym", "pictures", "pictures-tiny", "pictures-small", "pictures-base", "ddpm", "diffusers"]
        | None
    ) = None
    settings: dict[Word, Value] = Field(
        default={}, max_length=50, description="As --set of reverie train, e.g. network.width.", examples=[{"batch": 64}]
    )
    id: Identifier | None = Field(None, description=f"Of a table: {IDENTIFIER}")
    time: Word | None = Field(None, description="Of a table: the column that says when it was.")
    long: tuple[Word, Word] | None = Field(
        None, description="Of a table where a row is one test: the column that names it, and that of its value."
    )
    date_formats: dict[Annotated[str, Field(max_length=1000)], Annotated[str, Field(max_length=100)]] | None = Field(
        None, max_length=1000, description='Of a table: forms of dates by column, as {"seen": "%d/%m/%Y"}; under "" of all.'
    )
    duplicates: Literal["refuse", "keep", "first", "last", "mean"] | None = Field(
        None, description="Of a table: rows of one patient at one time."
    )
    null_values: list[Annotated[str, Field(max_length=100)]] | None = Field(
        None, max_length=50, description="Of a table: what means missing, VALUE or COLUMN=VALUE."
    )
    size: int | None = Field(None, ge=1, le=256, description="Of pictures: bring them to this many pixels a side.")
    channels: Literal[1, 3] | None = Field(None, description="Of pictures: 1 grey, 3 colour.")
    overwrite: Overwrite = False
    resume: bool = Field(False, description="Go on with the run in `out`, just where it stopped.")

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        if self.minutes is not None and self.steps is not None:
            raise ValueError("give the budget in steps or in minutes, not both")
        if self.resume and self.overwrite:
            raise ValueError("resume goes on with what overwrite would throw away: give one of them")
        return self


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


class Card(Reply):
    """A run in short. Of a table it has columns and levels, and no patient's value."""

    model_config = example(
        {
            "name": "runs/patients",
            "kind": "records",
            "source": "pbc2",
            "trained": True,
            "steps": {"done": 20, "of": 20},
            "loss_aside": 0.91,
            "parameters": 41290,
            "classes": [],
            "config": {"seed": 0},
            "columns": [{"name": "sex", "role": "static", "kind": "binary", "levels": ["female", "male"]}],
            "metrics": [{"step": 20, "loss": 0.93}],
            "how_to": {"cli": "reverie sample runs/patients --count 1000 --out new.csv"},
        }
    )

    name: str
    kind: Literal["images", "records"]
    source: str
    trained: bool
    steps: dict[str, int]
    parameters: int | None
    classes: list[str] = Field(description="Of pictures: what samples can be asked for, as class=NAME.")
    config: dict[str, Any]
    metrics: list[dict[str, Any]]
    how_to: dict[str, str]


class MetricsReply(Reply):
    """Lines of metrics.jsonl."""

    model_config = example({"metrics": [{"step": 20, "loss": 0.93}, {"step": 20, "loss_aside": 0.91}], "last": 20})

    metrics: list[dict[str, Any]]
    last: int = Field(description="The last step; give it as `after` to hear what came since.")
