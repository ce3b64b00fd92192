"""The shapes that tables come in, in the order in which they are tried and applied; a new one is a file and a line here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from reverie.records.shapes.alone import Alone
from reverie.records.shapes.joined import Joined
from reverie.records.shapes.long import Long
from reverie.records.shapes.pair import Pairs
from reverie.records.shapes.shape import PATIENT, TIME, VARIANT, Asked, Shape
from reverie.records.shapes.timeless import Timeless
from reverie.records.shapes.visits import Visits

__all__ = [
    "PATIENT", "SHAPES", "TIME", "VARIANT", "Alone", "AnyShape", "Asked", "Joined", "Long", "Pairs", "Shape", "Timeless",
    "Visits",
]  # fmt: skip

SHAPES: tuple[type[Shape], ...] = (Joined, Alone, Long, Visits, Timeless, Pairs)

AnyShape = Annotated[Joined | Alone | Long | Visits | Timeless | Pairs, Field(discriminator="shape")]
