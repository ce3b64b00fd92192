"""Figures show the numbers that the tables have, name what they leave out, and are written whole."""

import io
import json
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from PIL import Image

from reverie.drawing import SERIES, png, sheet
from reverie.errors import DataError
from reverie.evaluation import missing_rates, missing_together
from reverie.evaluation.cohort import Cohort
from reverie.evaluation.correlations import correlations
from reverie.evaluation.figures import (
    HELD,
    REAL,
    SYNTHETIC,
    correlation_matrices,
    levels_over_time,
    losses,
    marginals,
    missingness_matrices,
    save_figures,
    some_patients,
    trajectories,
    visits,
)
from reverie.evaluation.figures.timing import time_bins
from reverie.records.schema import Schema

NAMES = ("trajectories", "levels", "marginals", "visits", "missingness", "correlations", "losses")


def cohorts_of(schema, real, synthetic, held=None):
    tables = {REAL: real, SYNTHETIC: synthetic} | ({} if held is None else {HELD: held})
    return {name: Cohort.read(frame, schema) for name, frame in tables.items()}


@pytest.fixture(scope="module")
def cohorts(schema, halves):
    return cohorts_of(schema, *halves)


@pytest.fixture(scope="module")
def numbers(cohorts):
    return trajectories(cohorts)


@pytest.fixture(scope="module")
def levels(cohorts):
    return levels_over_time(cohorts)


@pytest.fixture(scope="module")
def every_column(cohorts):
    return marginals(cohorts)


def texts(figure):
    """All that a reader can read of a figure: what is written on the sheet, and what a pointer shows."""
    return "\n".join(shape.words for shape in sheet(figure).shapes)


def panel(figure, title):
    return next(panel for panel in figure["panels"] if panel["title"] == title)


def drawn(figure):
    """The pixels; fails if the figure is blank, or if anything runs to its very edge and may be cut."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pixels = np.asarray(Image.open(io.BytesIO(png(sheet(figure)))).convert("L"))
    assert pixels.std() > 5
    assert all((edge == 255).all() for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]))
    return pixels


# --- what is drawn equals what is computed ----------------------------------------------------------------------------


def test_the_medians_drawn_are_the_medians_of_the_values_in_each_bin(cohorts, numbers):
    cohort = cohorts[REAL]
    values = cohort.numbers["albumin"]
    edges = time_bins(cohort.time[~np.isnan(values)])
    line = panel(numbers, "albumin, real")["series"][REAL]
    inside = (cohort.time >= edges[0]) & (cohort.time < edges[1]) & ~np.isnan(values)
    assert len(line["x"]) == len(edges) - 1 > 3
    assert line["y"][0] == np.median(values[inside]) and line["low"][0] == np.quantile(values[inside], 0.1)
    assert line["x"][0] == pytest.approx(cohort.time[inside].mean())
    again = panel(numbers, "albumin, synthetic")["series"][REAL]
    assert again == {"x": line["x"], "y": line["y"], "again": True}


def test_thin_lines_are_whole_patients(cohorts, numbers):
    cohort = cohorts[REAL]
    known = ~cohort.missing("albumin")
    whole = [
        [cohort.time[of & known].tolist(), cohort.numbers["albumin"][of & known].tolist()]
        for of in (cohort.patient == p for p in range(len(cohort)))
    ]
    threads = panel(numbers, "albumin, real")["series"][REAL]["threads"]
    assert len(threads) == 25 and all(thread in whole and len(thread[0]) > 1 for thread in threads)


def test_real_and_synthetic_panels_have_the_same_axes(numbers, levels):
    for figure in (numbers, levels):
        for left, right in zip(figure["panels"][::2], figure["panels"][1::2], strict=True):
            assert left["title"].removesuffix(", real") == right["title"].removesuffix(", synthetic")
            for what in ("x_range", "y_range", "log", "edges", "x_label"):
                assert left.get(what) == right.get(what)


def test_the_shares_of_levels_in_a_bin_end_at_one_and_start_with_the_share_of_the_first(cohorts, levels):
    cohort = cohorts[REAL]
    known = cohort.levels["histologic"].is_not_null().to_numpy()
    edges = time_bins(cohort.time[known])
    inside = known & (cohort.time < edges[1])
    shares = panel(levels, "histologic, real")["series"]
    assert list(shares) == ["1", "2", "3", "4"]
    np.testing.assert_allclose(np.sum(list(shares.values()), axis=0), 1)
    assert shares["1"][0] == pytest.approx((cohort.levels["histologic"].to_numpy()[inside] == "1").mean())


def test_histograms_hold_every_value_also_those_beyond_the_bins(cohorts, every_column):
    for name in ("serBilir", "albumin", "platelets", "prothrombin"):
        edges = panel(every_column, name)["edges"]
        for table, shares in panel(every_column, name)["series"].items():
            values = cohorts[table].numbers[name]
            values = values[~np.isnan(values)]
            assert sum(shares) == pytest.approx(1)
            assert shares[0] == (values < edges[1]).mean()
            assert shares[-1] == (values >= edges[-2]).mean()
    ratio, step = (np.array(panel(every_column, name)["edges"]) for name in ("serBilir", "albumin"))
    np.testing.assert_allclose(np.diff(np.log(ratio)), np.log(ratio[1] / ratio[0]))
    np.testing.assert_allclose(np.diff(step), step[1] - step[0])


def test_bars_of_a_static_column_count_patients_and_those_of_a_varying_one_visits(every_column, halves):
    shares = {
        "sex (static)": (halves[0].group_by("id").first()["sex"] == "female").mean(),
        "ascites": (halves[0]["ascites"].drop_nulls() == "No").mean(),
    }
    for title, share in shares.items():
        assert panel(every_column, title)["series"][REAL][0] == pytest.approx(share)


def test_marginals_name_every_column_and_say_how_much_is_missing(every_column, schema, halves):
    said = texts(every_column)
    assert all(c.name in said for c in schema.columns if c.role in ("static", "varying"))
    assert "Not modelled, so not drawn: sno. (number)." in said
    shares = " / ".join(f"{100 * half['serChol'].null_count() / half.height:.1f}" for half in halves)
    assert f"missing {shares} %" in said


def test_the_number_of_visits_is_counted(cohorts):
    found = panel(visits(cohorts), "number of visits")
    counts = np.bincount(cohorts[REAL].lengths)
    np.testing.assert_allclose(found["edges"][:3], [0.5, 1.5, 2.5])
    np.testing.assert_allclose(found["series"][REAL][:3], counts[1:4] / len(cohorts[REAL]))


def test_missingness_is_that_of_the_measure(cohorts):
    shares, together, _ = missingness_matrices(cohorts)["panels"]
    names, rates = shares["labels"], {table: missing_rates(cohorts[table]) for table in (REAL, SYNTHETIC)}
    assert names == together["labels"] == [n for n in rates[REAL] if max(rates[REAL][n], rates[SYNTHETIC][n]) > 0]
    for table, rate in rates.items():
        np.testing.assert_allclose(shares["series"][table], [rate[name] for name in names])
        for (a, b), both in missing_together(cohorts[table], names).items():
            assert together["series"][table][names.index(a)][names.index(b)] == pytest.approx(both)


def test_correlations_are_those_of_the_measure(cohorts):
    figure = correlation_matrices(cohorts)
    found = [correlations(cohorts[table]) for table in (REAL, SYNTHETIC)]
    for row, part in enumerate(("static", "trend", "cycle")):
        pair, gap = figure["panels"][2 * row : 2 * row + 2]
        real, synthetic = (getattr(one, part) for one in found)
        meant = {REAL: real, SYNTHETIC: synthetic, "synthetic - real": synthetic - real}
        for table, shown in (pair["series"] | gap["series"]).items():
            np.testing.assert_allclose(np.array(shown, float), meant.pop(table))
        assert not meant and pair["labels"] == list(found[0].columns)
    assert "as their levels have no order: edema." in texts(figure)


def test_losses_mark_the_lowest_loss_set_aside_and_pass_over_what_is_not_a_number():
    rows = [{"step": k, "loss": 1 / k, "noise_accuracy/0-25%": 0.1} for k in range(1, 41)]
    rows += [{"step": 10, "loss_aside": 0.5}, {"step": 20, "loss_aside": 0.3}, {"step": 30, "loss_aside": 0.4}]
    rows += [{"step": 35, "loss": float("nan")}, {"step": 36, "advice": "lower the learning rate"}]
    figure = losses(rows)
    drawn(figure)
    left = panel(figure, "Loss")
    assert left["marks"] == [[20, 0.3, "best: step 20"]] and "best: step 20" in texts(figure)
    assert left["series"]["trained on"]["dots"] == [[*range(1, 41)], [1 / k for k in range(1, 41)]]
    assert list(panel(figure, "Noise predicted, by noise level")["series"]) == ["0-25%"]
    assert "wrote no losses" in texts(losses([{"step": 1, "advice": "none"}]))


# --- every kind of table ----------------------------------------------------------------------------------------------


def test_all_figures_are_written_and_none_by_half_and_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch, toy):
    frame, schema = toy(id=[1, 1, 2, 2], t=[0, 1, 0, 1], x=[1.0, 2.0, 3.0, None], y=[4.0, 2.0, 2.0, 5.0], g=list("abba"))
    (tmp_path / "metrics.jsonl").write_text(json.dumps({"step": 1, "loss": 1.0}) + '\n{"step": 2, "lo')
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paths = save_figures(frame, frame, schema, tmp_path, held=frame.head(2))
    assert [path.name for path in paths] == [f"{name}.png" for name in NAMES]
    assert sorted((tmp_path / "figures").iterdir()) == sorted(paths)
    for path in paths:
        assert Image.open(path).size[0] >= 500
    before = paths[0].read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("reverie.files.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_figures(frame, frame.with_columns(pl.col("x") * 2), schema, tmp_path)
    assert paths[0].read_bytes() == before and len(list((tmp_path / "figures").iterdir())) == len(NAMES)


def test_a_missing_column_and_a_table_without_rows_are_named(tmp_path, toy):
    frame, schema = toy(id=[1, 1, 2, 2], t=[0, 1, 0, 1], x=[1.0, 2.0, 3.0, 4.0])
    with pytest.raises(DataError, match="synthetic table has no column 'x'"):
        save_figures(frame, frame.drop("x"), schema, tmp_path)
    with pytest.raises(DataError, match="set aside table has no rows"):
        save_figures(frame, frame, schema, tmp_path, held=frame.clear())
    assert not (tmp_path / "figures").exists()


@pytest.mark.parametrize(
    "table", ["one column", "one visit each", "nothing measured", "one level", "one side empty", "one row"]
)
def test_poor_tables_are_drawn(toy, table):
    n = 12
    numbers = np.random.default_rng(0).normal(size=n).round(2).tolist()
    ids, times = [k // 3 for k in range(n)], [k % 3 for k in range(n)]
    empty = pl.Series([None] * n, dtype=pl.Float64)
    build = {
        "one column": {"id": ids, "t": times, "x": numbers},
        "one visit each": {"id": list(range(n)), "t": [5] * n, "x": numbers, "g": ["a", "b"] * 6},
        "nothing measured": {"id": ids, "t": times, "x": empty, "y": numbers},
        "one level": {"id": ids, "t": times, "g": ["a"] * n},
        "one side empty": {"id": ids, "t": times, "x": numbers, "g": ["a", "b"] * 6},
        "one row": {"id": [1], "t": [0], "x": [2.0], "g": ["a"]},
    }[table]
    frame, schema = toy(**build)
    other = frame
    if table == "one side empty":
        other = frame.with_columns(pl.lit(None, pl.Float64).alias("x"), pl.lit(None, pl.String).alias("g"))
    cohorts = cohorts_of(schema, frame, other)
    figures = [make(cohorts) for make in (trajectories, levels_over_time, marginals, visits, missingness_matrices)]
    for figure in figures:
        drawn(figure)
    figures.append(correlation_matrices(cohorts))
    said = "\n".join(map(texts, figures))
    if table == "nothing measured":
        assert "no value in either table" in said and "no value in any table" in said
    if table == "one side empty":
        assert "no value in the synthetic table" in said
    if table == "one column":
        assert "No column of levels varies" in said and "Every cell" in said and "fewer than two" in said
    if table == "one level":
        assert "No number varies" in said
    if table == "one visit each":
        assert "every patient has one visit" in said and "always 5" in said


def test_many_columns_and_names_of_any_length_fit_and_those_left_out_are_named(monkeypatch, toy):
    monkeypatch.setattr("reverie.evaluation.figures.matrices.MOST", 10)
    draw, n = np.random.default_rng(0), 40
    names = [f"a rather long and $pecial_{{name$ of laboratory value number {k} (mmol/L)" for k in range(16)]
    columns = {name: [None if u < 0.1 else u for u in draw.random(n)] for name in names}
    columns |= {f"group {k}": [f"level {j} of a kind with a long name" for j in draw.integers(0, 15, n)] for k in range(1)}
    frame, schema = toy(id=[k // 4 for k in range(n)], t=[k % 4 for k in range(n)], **columns)
    cohorts = cohorts_of(schema, frame, frame)
    figures = [make(cohorts) for make in (marginals, missingness_matrices)]
    figures.append(trajectories(cohorts))
    drawn(figures[0])
    assert len({panel["title"] for panel in figures[0]["panels"]}) == 17
    said = texts(figures[2])
    assert "Not drawn, for want of room" in said
    assert all(f"number {k} " in " ".join(said.split()) for k in range(16))
    assert "Not drawn, for want of room, the 6 columns" in texts(figures[1])


@pytest.mark.parametrize(("gap", "unit"), [(0.1, "hours"), (20, "days"), (900, "years")])
def test_date_times_are_counted_from_the_first_visit_in_a_unit_that_reads_well(toy, gap, unit):
    n = 12
    frame, schema = toy(id=[k // 3 for k in range(n)], t=list(range(n)), x=[float(k) for k in range(n)])
    times = [datetime(2020, 1, 1 + k // 3) + timedelta(days=gap * (k % 3)) for k in range(n)]
    frame = frame.with_columns(pl.Series("t", times))
    columns = [c.model_copy(update={"kind": "datetime"}) if c.name == "t" else c for c in schema.columns]
    schema = Schema(columns=tuple(columns))
    cohorts = cohorts_of(schema, frame, frame)
    figure = trajectories(cohorts)
    first = figure["panels"][0]
    assert first["x_label"] == f"{unit} since the first t"
    scale = {"hours": 24, "days": 1, "years": 1 / 365.25}[unit]
    assert max(x for xs, _ in first["series"][REAL]["threads"] for x in xs) == pytest.approx(2 * gap * scale)
    drawn(figure)
    drawn(visits(cohorts))


# --- large tables and threads -----------------------------------------------------------------------------------------


def test_of_a_large_table_whole_patients_are_drawn_by_seed(toy):
    n = 30_000
    frame, schema = toy(id=[k // 10 for k in range(n)], t=[k % 10 for k in range(n)], x=[float(k % 7) for k in range(n)])
    some = some_patients(frame, schema, seed=1)
    assert some["id"].n_unique() == 2000 and some.height == 20_000
    assert some.equals(some_patients(frame, schema, seed=1)) and not some.equals(some_patients(frame, schema, seed=2))
    assert some_patients(frame.head(1000), schema, seed=1).height == 1000


def test_the_figures_of_a_large_table_say_that_patients_were_drawn(tmp_path, monkeypatch, toy):
    n, seen = 24_000, []
    frame, schema = toy(id=[k // 8 for k in range(n)], t=[k % 8 for k in range(n)], x=[float(k % 7) for k in range(n)])
    monkeypatch.setattr("reverie.evaluation.figures.sheet", lambda figure: seen.append(figure) or sheet(figure))
    save_figures(frame, frame.head(800), schema, tmp_path)
    assert all("2,000 of 3,000 real" in texts(figure) for figure in seen[:-1])


def test_threads_may_draw_at_once(cohorts):
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: png(sheet(visits(cohorts))), range(2))
    assert first == second == png(sheet(visits(cohorts)))


def test_each_table_has_one_colour():
    assert len({SERIES[table] for table in (REAL, SYNTHETIC, HELD)}) == 3
