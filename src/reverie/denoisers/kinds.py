"""What a token of linked tables holds: rows of cells, one or several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from reverie.denoisers.naming import Cells

__all__ = ["Segment", "TokenKind"]


@dataclass(frozen=True, eq=False)
class Segment:
    """Rows of one sort in a token.

    Attributes:
        name: of the sort, as modules are called.
        cells: of each row.
        first: the token's channel that they begin at.
        count: rows.
    """

    name: str
    cells: Cells
    first: int
    count: int

    def of(self, tokens: Tensor, at: Tensor) -> Tensor:
        """[R, w], the rows of the tokens at some places, of the cells [P, C] of all."""
        width = self.cells.width
        return tokens.index_select(0, at)[:, self.first : self.first + self.count * width].reshape(-1, width)


@dataclass(frozen=True, eq=False)
class TokenKind:
    """A kind of token.

    Attributes:
        table: the number of its table.
        what: "group" is what is one for all rows of a parent, "rows" are some of them, "told" is a row that is given, with
            its group.
        group, row: their cells.
        block: rows of a token of "rows".
    """

    table: int
    what: Literal["group", "rows", "told"]
    group: Cells
    row: Cells
    block: int = 1

    @classmethod
    def plain(cls, channels: int) -> TokenKind:
        """Of so many numbers."""
        return cls(0, "rows", Cells(0), Cells(channels))

    @property
    def width(self) -> int:
        """Channels."""
        return sum(segment.count * segment.cells.width for segment in self.segments)

    @property
    def segments(self) -> tuple[Segment, ...]:
        row = Segment(f"row_{self.table}", self.row, 0, self.block if self.what == "rows" else 1)
        group = Segment(f"group_{self.table}", self.group, self.row.width if self.what == "told" else 0, 1)
        all_of = {"group": (group,), "rows": (row,), "told": (row, group)}[self.what]
        return tuple(segment for segment in all_of if segment.cells.width)
