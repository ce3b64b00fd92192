"""What tests of documents and of examples share."""

from pathlib import Path

import polars as pl
import pytest

from reverie.evaluation import figures
from reverie.records import Schema

FEW = ("id", "year", "status", "sex", "ascites", "serBilir", "albumin")


@pytest.fixture
def few_columns(monkeypatch):
    """Figures of PBC2 show a few of its columns, for each takes as long; tests of figures draw all."""
    draw = figures.save_figures

    def save_figures(
        real: pl.DataFrame, synthetic: pl.DataFrame, schema: Schema, run: Path, held: pl.DataFrame | None = None
    ) -> tuple[Path, ...]:
        few = schema.model_copy(update={"columns": tuple(schema[name] for name in FEW)})
        return draw(real, synthetic, few, run, held)

    monkeypatch.setattr(figures, "save_figures", save_figures)
