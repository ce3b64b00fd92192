"""Dressed numbers: read as the numbers they are, written back cell for cell."""

import math

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reverie.records.forms import Habits, habits, nearly, recognise

READ = {
    "thousands": (["230,791", "1,234", "950"], [230791, 1234, 950]),
    "thousands in millions": (["1,234,567", "12,000"], [1234567, 12000]),
    "thousands from five digits": (["1234", "12,345,678"], [1234, 12345678]),
    "full stops between thousands": (["1.234.567", "5.678"], [1234567, 5678]),
    "apostrophes": (["1'234.50", "12.00"], [1234.5, 12.0]),
    "spaces": (["1 234,5", "999,0"], [1234.5, 999.0]),
    "spaces that do not break": (["1\u00a0234", "12"], [1234, 12]),
    "decimal comma": (["169,6", "8,35", "3,3"], [169.6, 8.35, 3.3]),
    "decimal comma of three digits": (["0,123", "1,234"], [0.123, 1.234]),
    "percent": (["95%", "94%"], [95, 94]),
    "percent with a space": (["95 %", "9 %"], [95, 9]),
    "unit": (["20 mg", "5 mg"], [20, 5]),
    "unit with digits": (["20.5 mg/m2", "5.0 mg/m2"], [20.5, 5.0]),
    "currency": (["$1,200.00", "$5.10", "-$3.00"], [1200.0, 5.1, -3.0]),
    "parentheses": (["(4.50)", "3.20"], [-4.5, 3.2]),
    "minus sign": (["−1.5", "2.0"], [-1.5, 2.0]),
    "plus": (["+7.0", "-2.7", "0.0"], [7.0, -2.7, 0.0]),
    "plus before zero": (["+7", "-2", "+0"], [7, -2, 0]),
    "padded": (["4.80", "250.10"], [4.8, 250.1]),
    "bare": ([".5", "-.25", ".1"], [0.5, -0.25, 0.1]),
    "exponent": (["8.77e-05", "3.35e-04"], [8.77e-05, 3.35e-04]),
    "large exponent": (["1.20E5", "3.40E-2"], [1.2e5, 0.034]),
    "significant digits": (["0.0123", "1.23", "12.0", "123"], [0.0123, 1.23, 12.0, 123.0]),
    "as many digits as it takes": (["1.5", "2", "2.25"], [1.5, 2.0, 2.25]),
    "limits among floats": (["<0.5", "1.0", "0.91", "12.5"], [0.49, 1.0, 0.91, 12.5]),
    "limits": (["<0.5", "0.5", "1.2", ">20"], [0.4, 0.5, 1.2, 20.1]),
    "limits with a space": (["< 0.50", "0.50", "1.25"], [0.49, 0.5, 1.25]),
    "several limits": (["<0.5", "<0.3", "0.6", "1.2"], [0.2, 0.1, 0.6, 1.2]),
    "limits of whole numbers": (["<1", "2", "3", "≥90"], [0, 2, 3, 91]),
    "all above a limit in one": (["45", "89", "90+"], [45, 89, 91]),
    "limits with a unit": (["<1,0%", "2,5%", "3,0%"], [0.9, 2.5, 3.0]),
}


@pytest.mark.parametrize("what", READ)
def test_a_dressed_number_is_read_and_written_back(what: str) -> None:
    texts, numbers = READ[what]
    cells = pl.Series("x", [*texts, None])
    form = recognise(cells)
    assert form is not None
    read = form.read(cells)
    assert read.to_list() == pytest.approx([*numbers, None])
    assert read.dtype == (pl.Int64 if all(isinstance(number, int) for number in numbers) else pl.Float64)
    assert form.write(read).to_list() == [*texts, None]


@pytest.mark.parametrize(
    "texts",
    [
        ["1", "25"],
        ["1.5", "2.0"],
        ["1.234", "5.678"],
        ["0.0000877", "12.5"],
        ["007", "012"],
        ["P001", "P002"],
        ["127/82", "130/77"],
        ["5 mg", "6 g"],
        ["12", "<18", "18-65"],
        ["1A", "2B"],
        ["99999999999999999999", "5"],
        ["one", "two"],
        ["E11.9", "I10"],
        ["555 123 456", "555 987 654"],
        ["0", "1+", "2+", "3+"],
        ["1", "2", "1+", "2+"],
        ["20 mg"],
    ],
)
def test_plain_numbers_and_names_have_no_form(texts: list[str]) -> None:
    assert recognise(pl.Series("x", texts)) is None


def test_one_sign_that_could_be_either_is_told_by_the_other_columns() -> None:
    commas, stops = pl.Series("x", ["1,234", "5,678"]), pl.Series("y", ["1.234", "5.678"])
    alone = recognise(commas, habits([commas]))
    assert alone is not None and alone.read(commas).to_list() == [1234, 5678] and "thousands" in alone.note
    german = habits([commas, stops, pl.Series("z", ["8,5", "9,25"])])
    assert german == Habits(decimal=",")
    first, second = recognise(commas, german), recognise(stops, german)
    assert first is not None and first.read(commas).to_list() == [1.234, 5.678] and not first.note
    assert second is not None and second.read(stops).to_list() == [1234, 5678]
    english = recognise(commas, habits([commas, pl.Series("z", ["8.5", "9.25"])]))
    assert english is not None and english.read(commas).to_list() == [1234, 5678] and not english.note


def test_what_is_at_or_beyond_a_limit_is_written_as_its_token() -> None:
    form = recognise(pl.Series(["<0.5", "<0.3", "0.6", "1.2", ">20"]))
    assert form is not None
    written = form.write(pl.Series([-5.0, 0.1, 0.2, 0.6, 20.0, 20.1, 1e6]))
    assert written.to_list() == ["<0.3", "<0.3", "<0.5", "0.6", "20.0", ">20", ">20"]
    assert form.bounds == (0.1, 20.1)
    assert form.read(pl.Series(["<0.25"])).to_list() == [0.1]  # a limit that was never seen


def test_made_numbers_get_the_digits_of_the_real_ones() -> None:
    form = recognise(pl.Series(["4.80", "-250.10"]))
    assert form is not None and not form.dressed
    assert form.write(pl.Series([4.0, 1234.5678, -0.001])).to_list() == ["4.00", "1234.57", "0.00"]
    assert form.write(pl.Series([-0.0])).to_list() == ["-0.00"]


def test_a_few_cells_that_are_not_of_the_form_are_found() -> None:
    cells = pl.Series([f"{k}%" for k in range(1, 40)] + ["n.a."])
    assert recognise(cells) is None
    form = nearly(cells)
    assert form is not None and form.read(cells).is_null().arg_true().to_list() == [39]
    assert nearly(pl.Series(["a", "b", "1%"])) is None


def test_one_number_that_is_written_otherwise_does_not_change_the_others() -> None:
    cells = pl.Series([str(k) for k in range(100, 160)] + ["1e6"])
    form = recognise(cells)
    assert form is not None and form.write(form.read(cells)).to_list() == [*cells[:60], "1000000"]


@given(
    numbers=st.lists(st.integers(-(10**9), 10**9), min_size=2, max_size=30, unique=True),
    decimals=st.integers(0, 4),
    signs=st.sampled_from([(".", ""), (".", ","), (",", ""), (",", "."), (".", " "), (",", "\u00a0"), (".", "'")]),
    around=st.sampled_from([("", ""), ("", "%"), ("", " mg/dL"), ("€", ""), ("", " kg"), ("USD ", "")]),
    negative=st.sampled_from(["-", "−", "()"]),
    plus=st.booleans(),
)
def test_any_column_of_one_form_comes_back_cell_for_cell(numbers, decimals, signs, around, negative, plus) -> None:
    point, group = signs

    def text(number: int) -> str:
        body = f"{abs(number) / 10**decimals:,.{decimals}f}"
        body = around[0] + body.replace(",", "G").replace(".", point).replace("G", group) + around[1]
        if number < 0:
            return f"({body})" if negative == "()" else negative + body
        return "+" + body if plus and number > 0 and negative != "()" else body

    cells = pl.Series([text(number) for number in numbers])
    form = recognise(cells, Habits(decimal=point))
    if form is None:  # plain numbers: nothing to keep
        kinds = (pl.Int64, pl.Float64)
        assert any((cells.cast(kind, strict=False).cast(pl.String) == cells).all(ignore_nulls=False) for kind in kinds)
        return
    read = form.read(cells)
    assert read.to_list() == pytest.approx([number / 10**decimals for number in numbers])
    assert form.write(read).to_list() == cells.to_list()


@given(st.lists(st.floats(1e-8, 1e8), min_size=2, max_size=30), st.integers(1, 6), st.sampled_from(["e", "f"]))
def test_significant_digits_come_back_cell_for_cell(numbers, digits, style) -> None:
    def text(x: float) -> str:
        if style == "e":
            return f"{x:.{digits}e}"
        return f"{x:.{max(digits - 1 - int(f'{x:.{digits - 1}e}'.partition('e')[2]), 0)}f}"

    cells = pl.Series([text(number) for number in numbers])
    assume(style == "e" or all(float(cell) == float(f"{float(cell):.{digits - 1}e}") for cell in cells))
    form = recognise(cells)
    if form is None:
        plain = cells.cast(pl.Float64).cast(pl.String) == cells
        assert plain.all() or cells.str.contains(r"^\d+$").any()
        return
    assert form.write(form.read(cells)).to_list() == cells.to_list()


@given(
    low=st.sets(st.sampled_from([0.1, 0.2, 0.5])),
    high=st.sets(st.sampled_from([90.0, 95.5])),
    real=st.lists(st.integers(1, 999), min_size=3, max_size=20, unique=True),
    space=st.sampled_from(["", " "]),
)
def test_censored_columns_come_back_cell_for_cell(low, high, real, space) -> None:
    assume(low or high)
    cells = pl.Series(
        [f"<{space}{x}" for x in sorted(low)] + [f">{space}{x}" for x in sorted(high)] + [f"{x / 10:.1f}" for x in real]
    )
    form = recognise(cells)
    assert form is not None
    read = form.read(cells)
    marks = len(low) + len(high)
    assert all(read[:marks].to_list()[i] < min(real) / 10 for i in range(len(low)))
    assert all(value > max(real) / 10 for value in read[len(low) : marks])
    assert form.write(read).to_list() == cells.to_list()
    assert all(math.isfinite(value) for value in read)


def among(*odd):
    """Numbers of one decimal, more different ones than names may be, with others among them."""
    return pl.Series("value", [f"{n / 10:.1f}" for n in range(12, 132)] + list(odd), dtype=pl.String)


def test_words_that_recur_among_many_numbers_stand_beyond_them_and_come_back():
    cells = among("neg", "neg", "neg", "positive", "positive", "<0.5", "<0.5", ">100")
    form = recognise(cells)
    numbers = form.read(cells)
    assert not numbers.null_count() and numbers[:120].to_list() == [n / 10 for n in range(12, 132)]
    assert form.write(numbers).to_list() == cells.to_list()
    assert numbers[120] < numbers[125] < 0.5 and numbers[123] > numbers[127] > 13.1
    assert "'neg' and 'positive' among numbers are kept" in form.note and "'<0.5'" in form.words


def test_flags_after_numbers_are_read_over():
    cells = among("12.3*", "7.0 H", "7.1 L")
    form = recognise(cells)
    assert form.read(cells)[-3:].to_list() == [12.3, 7.0, 7.1] and "flags after numbers" in form.note
    assert form.write(form.read(cells)).to_list()[-3:] == ["12.3", "7.0", "7.1"]


def test_one_word_among_numbers_or_many_is_a_fault_and_few_numbers_with_words_are_names():
    assert recognise(among("broken")) is None
    assert recognise(among(*["neg"] * 40)) is None
    assert recognise(pl.Series(["1", "2", "3", "neg"] * 20)) is None
