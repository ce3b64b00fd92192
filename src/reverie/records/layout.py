"""What stands where in a record: the fields, their channels, and the stage in which each is made.

token 0, the statics     visits | measured ... | start | value ...
tokens 1.., the visits   gap | measured ... | value ...

stage 0  number of visits, which statics are measured      stage 2  gaps, what is measured
stage 1  values of statics, time of the first visit        stage 3  values
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from reverie.errors import UsageError, unknown
from reverie.records.backoff import Grouped
from reverie.records.boxcox import BoxCox
from reverie.records.levels import LevelCode, OneHot, Sticks, Thresholds
from reverie.records.schema import Schema
from reverie.records.transforms import NormalScore, Transform

__all__ = ["Code", "CodecSettings", "Field", "code_of", "layout", "parts"]

Code = Transform | LevelCode
Part = Literal["visits", "measured", "start", "value", "gap"]
KINDS: dict[str, Any] = {
    "normal-score": NormalScore,
    "box-cox": BoxCox,
    "thresholds": Thresholds,
    "sticks": Sticks,
    "one-hot": OneHot,
    "grouped": Grouped,
}


class CodecSettings(BaseModel):
    """How cells become scores.

    Attributes:
        numbers: "normal-score", or "box-cox" as in the published clinical recipe.
        levels: "probit" (normal scores; 1 channel for ordered or two levels, else one less than levels), or "one-hot" as
            published.
        statics: "token" puts statics in a token of their own, "repeated" puts them in every visit, as published.
        stages: whether structure is made before values, and what is not measured is absent; without, as published, all is
            made at once and what is not measured counts as known to be 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    numbers: Literal["normal-score", "box-cox"] = "normal-score"
    levels: Literal["probit", "one-hot"] = "probit"
    statics: Literal["token", "repeated"] = "token"
    stages: bool = True


@dataclass(frozen=True)
class Field:
    """Some channels of a token that say one thing.

    Attributes:
        name: the part, with the column if there is one: "visits", "value:albumin".
        token: 0 for the static token, 1 for each visit.
        part: visits (their number), measured (whether), start (time of the first visit), gap (time since the last), value.
        column: None for visits, start and gap.
        stage: in which it is made.
        channels: of the token.
    """

    name: str
    token: Literal[0, 1]
    part: Part
    column: str | None
    stage: int
    channels: tuple[int, ...]


def parts(schema: Schema) -> Iterator[tuple[str, Part, str | None, bool]]:
    """(name, part, column, of the patient rather than of a visit) of all that there could be, in order."""
    yield "visits", "visits", None, True
    for column in schema.static:
        yield f"measured:{column.name}", "measured", column.name, True
    yield "start", "start", None, True
    for column in schema.static:
        yield f"value:{column.name}", "value", column.name, True
    yield "gap", "gap", None, False
    for column in schema.varying:
        yield f"measured:{column.name}", "measured", column.name, False
    for column in schema.varying:
        yield f"value:{column.name}", "value", column.name, False


def layout(schema: Schema, settings: CodecSettings, codes: dict[str, Code]) -> tuple[Field, ...]:
    """The fields that have a code, and their channels."""
    fields, used = [], [0, 0]
    for name, part, column, patient in parts(schema):
        if name not in codes:
            continue
        token = 0 if part == "visits" or (patient and settings.statics == "token") else 1
        stage = (0 if patient else 2) + (part in ("start", "value")) if settings.stages else 3
        first, used[token] = used[token], used[token] + codes[name].width
        fields.append(Field(name, token, part, column, stage, tuple(range(first, used[token]))))
    return tuple(fields)


def code_of(config: dict[str, Any]) -> Code:
    """The code that a config describes. Raises UsageError for a kind that there is not."""
    kind = KINDS.get(config.get("kind", ""))
    if kind is None:
        raise unknown("kind of code", config.get("kind"), KINDS)
    try:
        return kind.from_config(config)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"the code of kind {config['kind']} is not whole ({error}): take it from the model it was saved with."
        ) from error
