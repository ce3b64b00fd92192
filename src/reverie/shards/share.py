"""A share of the shards: of n tasks that know nothing of each other, the i-th makes every n-th shard from the i-th on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from reverie.errors import UsageError

__all__ = ["Share"]


@dataclass(frozen=True)
class Share:
    """The `number`-th of `of` shares, 1 the first. Raises UsageError for a number that is not among them."""

    number: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise UsageError(
                f"of {self.of} shares there is no number {self.number}: name one from 1/{self.of} to {self.of}/{self.of}."
            )

    @classmethod
    def read(cls, text: str) -> Self:
        """The share that "2/8" says."""
        found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text.strip())
        if not found or not int(found[2]):
            raise UsageError(f"a share of the shards is i/n, as 1/8 for the first of eight tasks, not {text!r}.")
        return cls(int(found[1]), int(found[2]))

    def numbers(self, count: int) -> range:
        """Of `count` shards, 0 the first, those of this share."""
        return range(self.number - 1, count, self.of)

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"
