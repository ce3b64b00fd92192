"""Codes that can be, for those that cannot, as common as they are where the rows above are so."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from reverie.records.linked.bonds import Goes

__all__ = ["Draws"]


@dataclass
class Draws:
    """Draws codes that can be.

    Attributes:
        rules: on one code.
        known: by rule and levels, the codes that can be and their shares added up.
    """

    rules: list[Goes]
    known: dict[tuple[int, tuple[str | None, ...]], tuple[list[str], np.ndarray]] = field(default_factory=dict)

    def broken(self, cells: pl.Series, levels: list[pl.Series]) -> np.ndarray:
        """int64, the rows whose codes break a rule; `levels` are those of the rows above, for each rule."""
        bad = np.zeros(len(cells), dtype=bool)
        for rule, level in zip(self.rules, levels, strict=True):
            only = cells.replace_strict([*rule.only], [*rule.only.values()], default=None, return_dtype=pl.String)
            bad |= (only != level).fill_null(False).to_numpy()
        return np.flatnonzero(bad)

    def wrong(self, code: str, levels: list[str | None]) -> int | None:
        """The first rule that a code breaks."""
        for place, (rule, level) in enumerate(zip(self.rules, levels, strict=True)):
            if level is not None and rule.only.get(code, level) != level:
                return place
        return None

    def another(self, broken: int, levels: tuple[str | None, ...], u: float) -> str | None:
        """The code at a place u of those that can be; None where there is none."""
        if (broken, levels) not in self.known:
            shares = self.rules[broken].shares
            counts = dict(shares.get(str(levels[broken]), {}))
            may = {code: n for code, n in counts.items() if self.wrong(code, list(levels)) is None}
            if not may:
                every = {code: sum(of.get(code, 0) for of in shares.values()) for of in shares.values() for code in of}
                may = {code: n for code, n in sorted(every.items()) if self.wrong(code, list(levels)) is None}
            total = np.cumsum(np.array([*may.values()], dtype=np.float64))
            self.known[broken, levels] = [*may], total / total[-1] if len(total) else total
        codes, added = self.known[broken, levels]
        return codes[min(int(np.searchsorted(added, u, "right")), len(codes) - 1)] if codes else None
