"""What stands where in a record: the fields, their channels, and the stage in which each is made.

token 0, the statics     visits | measured ... | start | value ...
tokens 1.., the visits   gap | measured ... | value ...

stage 0  number of visits, which statics are measured      stage 2  gaps, what is measured
stage 1  values of statics, time of the first visit        stage 3  values
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from reverie.records.codes import Code, CodecSettings
from reverie.records.intervals import Floats
from reverie.records.schema import Schema

__all__ = ["Field", "layout", "parts"]

Part = Literal["visits", "measured", "start", "value", "gap"]


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

    @property
    def tokens(self) -> slice:
        """The tokens of a record that it is of."""
        return slice(0, 1) if self.token == 0 else slice(1, None)

    def scores(self, values: Tensor) -> Floats:
        """Its scores at the tokens [..., C] of records, one after the other, float64 [n, channels]."""
        return values[..., list(self.channels)].detach().cpu().double().flatten(0, -2).numpy()


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
