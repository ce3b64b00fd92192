"""The PBC2 cohort with its schema, written by hand so that no test here depends on what inference decides."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from reverie.records.schema import Column, Schema

LABS = ("serBilir", "serChol", "albumin", "alkaline", "SGOT", "platelets", "prothrombin")


def _varying(name: str, kind: str, levels: tuple[str, ...] = (), type: str = "String") -> Column:
    return Column(name=name, role="varying", kind=kind, levels=levels, type=type)


SCHEMA = Schema(
    columns=(
        Column(name="sno.", role="static", kind="number", type="Int64"),
        Column(name="id", role="identifier", kind="integer", type="Int64"),
        Column(name="years", role="static", kind="real"),
        Column(name="status", role="static", kind="categorical", levels=("alive", "dead", "transplanted"), type="String"),
        Column(name="drug", role="static", kind="binary", levels=("D-penicil", "placebo"), type="String"),
        Column(name="age", role="static", kind="real"),
        Column(name="sex", role="static", kind="binary", levels=("female", "male"), type="String"),
        Column(name="year", role="time", kind="real"),
        *(_varying(name, "binary", ("No", "Yes")) for name in ("ascites", "hepatomegaly", "spiders")),
        _varying("edema", "categorical", ("No edema", "edema no diuretics", "edema despite diuretics")),
        *(_varying(name, "real", type="Float64") for name in LABS),
        _varying("histologic", "ordinal", ("1", "2", "3", "4"), type="Int64"),
        Column(name="status2", role="static", kind="binary", levels=("0", "1"), type="Int64"),
    )
)


@pytest.fixture(scope="session")
def schema() -> Schema:
    return SCHEMA


@pytest.fixture(scope="session")
def pbc2() -> pl.DataFrame:
    """All 1,945 visits; skips the test where neither the package nor the shared folder has the file."""
    inside = Path(str(resources.files("reverie"))) / "records" / "data" / "pbc2.csv"
    beside = Path(__file__).resolve().parents[3] / "shared" / "data" / "pbc2.csv"
    for path in (inside, beside):
        if path.exists():
            return pl.read_csv(path, infer_schema_length=None, null_values=["NA"])
    pytest.skip("pbc2.csv is neither in the package nor in ../shared/data")


@pytest.fixture(scope="session")
def halves(pbc2: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Two random halves of the patients."""
    return _halved(pbc2, 0)


@pytest.fixture(scope="session")
def quarters(halves: tuple[pl.DataFrame, pl.DataFrame]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The second half in two."""
    return _halved(halves[1], 1)


def _halved(frame: pl.DataFrame, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    patients = frame["id"].unique().sort().to_numpy()
    chosen = np.random.default_rng(seed).permutation(patients)[: len(patients) // 2].tolist()
    return frame.filter(pl.col("id").is_in(chosen)), frame.filter(~pl.col("id").is_in(chosen))


@pytest.fixture
def toy() -> Callable[..., tuple[pl.DataFrame, Schema]]:
    """A table of columns id, t and others, and its schema: floats are real, text is categorical, `static` names statics."""

    def build(static: tuple[str, ...] = (), **columns: list) -> tuple[pl.DataFrame, Schema]:
        frame = pl.DataFrame(columns)

        def column(name: str) -> Column:
            if name in ("id", "t"):
                return Column(name=name, role="identifier" if name == "id" else "time", kind="integer", type="Int64")
            levels = () if frame[name].dtype.is_numeric() else tuple(sorted(set(frame[name].drop_nulls())))
            kind: str = "categorical" if levels else "real"
            return Column(name=name, role="static" if name in static else "varying", kind=kind, levels=levels)

        return frame, Schema(columns=tuple(map(column, frame.columns)))

    return build
