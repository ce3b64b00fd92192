"""A report: the same numbers as a page, as JSON and as a model card.

All three are functions of the sections, so none can say what the others do not.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from reverie.evaluation.measure import Section
from reverie.files import write_atomically
from reverie.plain import number_of
from reverie.reports.card import card, versions
from reverie.reports.html import report_page
from reverie.reports.verdict import Verdict, verdict

__all__ = ["FILES", "Report"]

FILES = ("report.html", "report.json", "card.md")


@dataclass(frozen=True, eq=False)
class Report:
    """What was found, in three forms of the same numbers.

    Attributes:
        about: facts on data, model and seed, by name; "kind" (patients or pictures), "source" and "summary" among them.
        cautions: sentences that a reader must know before the numbers.
        sections: the evidence.
    """

    about: Mapping[str, Any]
    cautions: tuple[str, ...]
    sections: tuple[Section, ...]

    @property
    def title(self) -> str:
        """Of the page; of a source that is a path, its last part."""
        source = str(self.about["source"])
        return f"Report on synthetic {self.about['kind']}: {Path(source).name or source}"

    @cached_property
    def verdict(self) -> Verdict:
        kind = str(self.about["kind"])
        trained, held, synthetic = (self.about.get(f"{of} {kind}", 0) for of in ("training", "held-out", "synthetic"))
        noun = f"synthetic {kind.removesuffix('s')}"
        basis = f"This rests on {trained:,} training, {held:,} held-out and {number_of(synthetic, noun)}."
        if drawn := self.about.get("compared"):
            basis += f" Rules, bounds, levels, missing values and copies were counted over all; all else rests on {drawn}."
        unmade = [column["name"] for column in self.about.get("columns", ()) if not column.get("made", True)]
        return verdict(self.sections, basis, unmade)

    def json(self) -> dict[str, Any]:
        """Strict JSON data: what is not a number is null."""
        return plain(
            {
                "reverie": versions().get("reverie"),
                "title": self.title,
                "about": self.about,
                "verdict": self.verdict.json(),
                "cautions": self.cautions,
                "sections": [section.json() for section in self.sections],
            }
        )

    def html(self) -> str:
        """The page, one file that needs no other."""
        return report_page(self.title, str(self.about["summary"]), self.verdict, self.sections, self.cautions, self.card())

    def card(self) -> str:
        """The model card, as Markdown."""
        return card(self.title, self.about, self.verdict, self.cautions)

    def save(self, folder: str | Path) -> Path:
        """Writes report.html, report.json and card.md, each whole or not at all."""
        folder = Path(folder)
        texts = (self.html(), json.dumps(self.json(), indent=1, allow_nan=False) + "\n", self.card())
        for name, text in zip(FILES, texts, strict=True):
            write_atomically(folder / name, text)
        return folder


def plain(value: Any) -> Any:
    """Data that strict JSON can hold: arrays become lists, NaN and infinity null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool | None) else str(value)
