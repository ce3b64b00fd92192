"""Numbers as laboratories and spreadsheets write them: what is made is written so, has their grain, and lies where they lie.

Every way to write a number is in forms/test_numbers.py; grain and gaps are in values/test_precision.py and test_support.py.
"""

import numpy as np
import polars as pl
import pytest

draw = np.random.default_rng(0)
PEOPLE, ROWS = 30, 120


def comma(numbers, decimals):
    return [f"{x:.{decimals}f}".replace(".", ",") for x in numbers]


def significant(x, digits):
    return float(f"{x:.{digits - 1}e}")


def test_decimal_commas_between_quotes_are_numbers_and_come_back_so(brought, visits, holes):
    frame = visits(
        Geschlecht=draw.choice(["männlich", "weiblich"], PEOPLE),
        Größe=comma(draw.normal(172, 8, ROWS), 1),
        CRP=[f"{x:g}".replace(".", ",") for x in draw.lognormal(2, 0.8, ROWS).round(2)],
    )
    file = brought(frame)
    assert '"' in file.path.read_text() and file.table.frame["Größe"].dtype == pl.Float64 and file.back.equals(frame)
    made = file.drawn()
    assert made["Größe"].str.contains(r"^\d{3},\d$").all() and made["CRP"].str.contains(r"^\d+(,\d{1,2})?$").all()
    assert not made["CRP"].str.contains(",.?0$").any(), "no zeros at the end, as in the source"
    mean = made["Größe"].str.replace(",", ".").cast(pl.Float64).mean()
    assert abs(mean - 172) < 2.5
    whole = file.completed(holes(frame, "Größe", "CRP"))
    assert whole["Größe"].str.contains(r"^\d{3},\d$").all() and whole["CRP"].null_count() == 0


def test_what_lies_beyond_a_limit_is_made_as_often_and_nothing_lies_there(brought, visits, holes):
    level, dimer = draw.lognormal(0, 1, ROWS), draw.normal(12, 6, ROWS).clip(0.6, 40)
    frame = visits(
        troponin=["<0.5" if x < 0.5 else f"{x:.2f}" for x in level], dimer=[">20" if x > 20 else f"{x:.1f}" for x in dimer]
    )
    file = brought(frame)
    assert file.schema["troponin"].kind == file.schema["dimer"].kind == "real" and file.back.equals(frame)
    made = file.drawn()
    whole = file.completed(holes(frame, "troponin", "dimer"))
    for name, beyond, low, high in (("troponin", "<0.5", 0.5, np.inf), ("dimer", ">20", 0, 20)):
        assert abs((made[name] == beyond).mean() - (frame[name] == beyond).mean()) < 0.06
        for cells in (made[name], whole[name]):
            numbers = cells.filter(cells != beyond).cast(pl.Float64)
            assert cells.null_count() == 0 and numbers.is_between(low, high).all()


def test_dressed_numbers_keep_order_and_dress(brought, visits, holes):
    frame = visits(
        spo2=[f"{x}%" for x in draw.integers(90, 101, ROWS)],
        plt=[f"{x:,}" for x in draw.integers(90_000, 430_000, ROWS)],
        bp=[f"{x}/{y}" for x, y in zip(draw.integers(95, 160, ROWS), draw.integers(50, 95, ROWS), strict=True)],
        at=[f"{h:02d}:{m:02d}" for h, m in zip(draw.integers(6, 22, ROWS), draw.integers(0, 60, ROWS), strict=True)],
        dose=[f"{x} mg" for x in draw.choice([5, 10, 20], ROWS)],
    )
    file = brought(frame)
    assert file.back.equals(frame)
    made = file.drawn()
    forms = {"spo2": r"^\d{2,3}%$", "plt": r"^\d{2,3},\d{3}$", "bp": r"^\d{2,3}/\d{2,3}$", "at": r"^[0-2]\d:[0-5]\d$"}
    for name, form in forms.items():
        assert made[name].str.contains(form).all() and made[name].n_unique() > 10, name
    assert made["spo2"].str.strip_suffix("%").cast(pl.Int64).is_between(80, 100).all(), "a share ends at 100"
    assert made["at"].is_between("00:00", "23:59").all()
    assert set(made["dose"]) == {"5 mg", "10 mg", "20 mg"}
    whole = file.completed(holes(frame, "spo2", "plt", "bp", "at", "dose"))
    assert all(whole[name].null_count() == 0 and whole[name].str.contains(form).all() for name, form in forms.items())


def test_grain_and_spelling_are_those_of_the_source(brought, visits, holes):
    frame = visits(
        two_dec=[f"{x:.2f}" for x in draw.uniform(2, 7.4, ROWS)],
        sci=[f"{x:.2e}" for x in np.exp(draw.normal(-9, 1, ROWS))],
        three=[f"{significant(x, 3):.10g}" for x in np.exp(draw.normal(3, 2, ROWS))],
        intfloat=[f"{x}.0" for x in draw.integers(50, 99, ROWS)],
        plus=[f"{x:+.1f}" for x in draw.normal(0, 3, ROWS)],
        nullint=[None if k % 6 == 0 else f"{x}" for k, x in enumerate(draw.integers(50, 150, ROWS))],
        halves=[f"{x / 2:.1f}" for x in draw.integers(0, 9, ROWS)],
        payment=[f"{x / 10:.2f}" for x in draw.integers(10, 4000, ROWS)],
    )
    file = brought(frame)
    assert file.back.equals(frame)
    forms = {"two_dec": r"^-?\d+\.\d\d$", "sci": r"^\d\.\d\de-\d\d$", "intfloat": r"^\d+\.0$", "plus": r"^[+-]?\d+\.\d$"}
    forms |= {"nullint": r"^\d+$", "halves": r"^[0-4]\.[05]$", "payment": r"^\d+\.\d0$", "three": r"^[\d.]+(e[+-]\d\d)?$"}
    made, whole = file.drawn(), file.completed(holes(frame, *forms))
    for name, form in forms.items():
        for cells in (made[name].drop_nulls(), whole[name].drop_nulls()):
            assert cells.str.contains(form).all(), (name, cells.filter(~cells.str.contains(form)).to_list()[:5])
    assert made["plus"].filter(made["plus"].cast(pl.Float64) > 0).str.starts_with("+").all()
    assert all(significant(x, 3) == x for x in made["three"].cast(pl.Float64))
    assert 0.08 < made["nullint"].null_count() / len(made) < 0.3 and whole["nullint"].null_count() == 0


@pytest.mark.parametrize("end", ["", ".0"])
def test_a_typo_of_a_million_stands_alone(brought, visits, end):
    cells = [f"{x}{end}" for x in draw.normal(140, 2.5, ROWS).round().astype(int)]
    cells[17] = f"1000000{end}"
    made = brought(visits(sodium=cells)).drawn(600)["sodium"]
    numbers = made.cast(pl.Float64)
    assert not numbers.is_between(170, 999_999).any() and numbers.max() == 1e6
    assert made.str.contains(rf"^\d+{end.replace('.', chr(92) + '.')}$").all()
    assert (numbers == 1e6).mean() < 0.03


def test_given_cells_stand_however_they_are_written(brought, visits):
    frame = visits(lab=draw.normal(0, 3, ROWS).round(1), count=draw.integers(0, 90, ROWS))
    file = brought(frame)
    strange = pl.Series(["4.80", "-0.0", "1e1", "+2.5", "007.5", ".5", "5."] * 18)[:ROWS].alias("lab")
    whole = file.completed(frame.with_columns(strange, count=pl.Series(["10.0", "7", None] * 40)))
    assert whole["lab"].equals(strange)
    assert whole["count"].filter(pl.int_range(ROWS, eager=True) % 3 == 2).str.contains(r"^\d+$").all()
