"""The simulated cohort of ART for HIV agrees with the published summary of the real one, and moves as therapy does."""

import numpy as np
import polars as pl
import pytest

from reverie.errors import UsageError
from reverie.records.cohort import CHANGED, FEMALE, MEASURED, QUARTILES, simulate_art4hiv
from reverie.records.table import read_table

DRUGS = ["Base Drug Combo", "Comp. INI", "Comp. NNRTI", "Extra PI", "Extra pk-En"]
CODES = dict(zip(DRUGS, (range(6), range(4), range(4), range(6), range(2)), strict=True)) | {
    "Gender": (1, 2),
    "Ethnic": range(1, 5),
}


@pytest.fixture(scope="module")
def cohort():
    return simulate_art4hiv(1500, 60, seed=0)


def test_the_columns_are_the_published_ones(cohort):
    assert cohort.columns == ["VL", "CD4", "Rel CD4", "Gender", "Ethnic", *DRUGS, *MEASURED, "PatientID", "Timestep"]
    assert cohort.dtypes == [pl.Float64] * 3 + [pl.Int64] * 12
    assert cohort.height == 90_000 and cohort.null_count().sum_horizontal().item() == 0
    for column, codes in CODES.items():
        assert sorted(cohort[column].unique()) == list(codes), column


@pytest.mark.parametrize("column", QUARTILES)
def test_quartiles_are_within_8_per_cent_and_extremes_within_the_published_ones(cohort, column):
    low, *quartiles, high = QUARTILES[column]
    for share, published in zip((0.25, 0.5, 0.75), quartiles, strict=True):
        assert cohort[column].quantile(share, "linear") == pytest.approx(published, rel=0.08), (column, share)
    assert low <= cohort[column].min() <= 3 * low
    assert high / 4 <= cohort[column].max() <= high


def test_shares_are_within_three_standard_errors_of_the_published_ones(cohort):
    people = cohort.group_by("PatientID").agg(pl.col("Gender").first(), (pl.struct(DRUGS).n_unique() > 1).alias("changed"))
    for seen, published in (((people["Gender"] == 2).mean(), FEMALE), (people["changed"].mean(), CHANGED)):
        assert abs(seen - published) < 3 * np.sqrt(published * (1 - published) / 1500)
    for column, published in MEASURED.items():
        assert cohort[column].mean() == pytest.approx(published, abs=0.01)


def test_viral_load_falls_and_cd4_rises_after_the_start(cohort):
    median = cohort.group_by("Timestep").agg(pl.col("VL", "CD4", "Rel CD4").median()).sort("Timestep")
    assert median["VL"][0] > 20 * median["VL"][24]
    for column in ("CD4", "Rel CD4"):
        assert median[column][0] < 0.7 * median[column][24] and median[column][24] < median[column][59]


def test_a_person_stays_like_themselves(cohort):
    """Static columns are static; logs of neighbouring months correlate far more than those of two people."""
    assert cohort.group_by("PatientID").agg(pl.col("Gender", "Ethnic").n_unique())["Ethnic"].max() == 1
    log = np.log(cohort["CD4"].to_numpy()).reshape(1500, 60)
    assert np.corrcoef(log[:, 30], log[:, 31])[0, 1] > 0.9
    assert abs(np.corrcoef(log[:-1, 30], log[1:, 30])[0, 1]) < 0.1
    assert cohort.select(pl.corr(pl.col("VL").log(), pl.col("CD4").log())).item() < -0.2
    assert cohort.select(pl.corr("VL (M)", "CD4 (M)")).item() > 0.4


def test_a_seed_gives_the_same_cohort_and_any_size_works():
    assert simulate_art4hiv(20, 12, 5).equals(simulate_art4hiv(20, 12, 5))
    assert not simulate_art4hiv(20, 12, 5).equals(simulate_art4hiv(20, 12, 6))
    assert simulate_art4hiv(1, 1, 0).height == 1 and simulate_art4hiv(2, 70, 0)["Timestep"].max() == 69
    for patients, months in ((0, 60), (10, 0)):
        with pytest.raises(UsageError, match="at least 1"):
            simulate_art4hiv(patients, months)


def test_the_published_layout_reads_as_it_is(tmp_path):
    cohort = simulate_art4hiv(80, 60, seed=1)
    floats = cohort.with_columns(pl.col("Gender", "Ethnic", *DRUGS, *MEASURED).cast(pl.Float64))
    for frame in (cohort, floats, floats.with_row_index("")):  # also with the unnamed index that pandas writes
        frame.write_csv(tmp_path / "art.csv")
        table = read_table(tmp_path / "art.csv")
        schema = table.schema
        assert (schema.identifier.name, schema.time.name, len(table)) == ("PatientID", "Timestep", 80)
        assert {c.name for c in schema.static} == {"Gender", "Ethnic"}
        assert [schema[c].kind for c in ("VL", "CD4", "Rel CD4")] == ["real"] * 3
        assert [schema[c].kind for c in DRUGS] == ["categorical"] * 4 + ["binary"]
        assert [schema[c].kind for c in MEASURED] == ["binary"] * 3
        assert schema["VL (M)"].why == "1 where VL was measured"
        assert table.notes == ()
    assert schema[""].kind == "number"
