"""The codes between values and scores, by name; each says how many channels it takes and how values become intervals.

ends    values [n] -> both ends [n, width] of the scores that decode to them
cells   scores [n, width] -> values [n]
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from reverie.errors import UsageError, unknown
from reverie.records.backoff import Grouped
from reverie.records.boxcox import BoxCox
from reverie.records.digits import Digits
from reverie.records.intervals import Floats
from reverie.records.levels import OneHot, OrderedProbit, SequentialProbit
from reverie.records.transforms import NormalScore

__all__ = ["Code", "CodecSettings", "code_of"]

CODES: dict[str, Any] = {
    "normal-score": NormalScore,
    "box-cox": BoxCox,
    "thresholds": OrderedProbit,
    "sticks": SequentialProbit,
    "one-hot": OneHot,
    "grouped": Grouped,
    "digits": Digits,
}


class Code(Protocol):
    """Values as `width` channels of scores."""

    @property
    def width(self) -> int: ...
    def ends(self, values: Floats) -> tuple[Floats, Floats]: ...
    def cells(self, z: Floats) -> Floats: ...
    def clipped(self, z: Floats) -> int: ...
    @property
    def config(self) -> dict[str, Any]: ...


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


def code_of(config: dict[str, Any]) -> Code:
    """The code that a config describes. Raises UsageError for a kind that there is not."""
    kind = CODES.get(config.get("kind", ""))
    if kind is None:
        raise unknown("kind of code", config.get("kind"), CODES)
    try:
        return kind.from_config(config)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"the code of kind {config['kind']} is not whole ({error}): take it from the model it was saved with."
        ) from error
