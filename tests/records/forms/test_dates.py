"""Dates, times of day and stored types: read as what they are, written back cell for cell, asked where two are possible."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from reverie.errors import UsageError
from reverie.records.forms import AnyForm, Habits, as_stated, habits, nearly, recognise, recognise_whole

MARCH, DECEMBER = date(2019, 3, 4), date(2019, 12, 31)
NINE, PAST = datetime(2019, 3, 4, 9, 15), datetime(2019, 12, 31, 21, 5, 30)
READ = {
    "d.m.Y": (["04.03.2019", "31.12.2019"], [MARCH, DECEMBER]),
    "d/m/Y": (["04/03/2019", "31/12/2019"], [MARCH, DECEMBER]),
    "m/d/Y": (["03/04/2019", "12/31/2019"], [MARCH, DECEMBER]),
    "without zeros": (["4/3/2019", "31/12/2019"], [MARCH, DECEMBER]),
    "d-m-Y": (["04-03-2019", "31-12-2019"], [MARCH, DECEMBER]),
    "two-digit years": (["04/03/19", "31/12/45"], [MARCH, date(1945, 12, 31)]),
    "two-digit years of births": (
        ["04/03/29", "31/12/38", "01/01/75"],
        [date(1929, 3, 4), date(1938, 12, 31), date(1975, 1, 1)],
    ),
    "Y/m/d": (["2019/03/04", "2019/12/31"], [MARCH, DECEMBER]),
    "DATE9": (["04MAR2019", "31DEC2019"], [MARCH, DECEMBER]),
    "month between dashes": (["04-Mar-2019", "31-Dec-2019"], [MARCH, DECEMBER]),
    "month in full": (["March 4, 2019", "December 31, 2019"], [MARCH, DECEMBER]),
    "small letters": (["4 mar 2019", "31 dec 2019"], [MARCH, DECEMBER]),
    "date and time": (["04.03.2019 09:15", "31.12.2019 21:05"], [NINE, datetime(2019, 12, 31, 21, 5)]),
    "date, time": (["04.03.2019, 09:15", "31.12.2019, 21:05"], [NINE, datetime(2019, 12, 31, 21, 5)]),
    "am and pm": (["3/4/2019 9:15 am", "12/31/2019 9:05 pm"], [NINE, datetime(2019, 12, 31, 21, 5)]),
    "AM and PM": (["03/04/2019 09:15:00 AM", "12/31/2019 09:05:30 PM"], [NINE, PAST]),
    "am beside a name": (["04-Mar-2019 9:15 am", "31-Dec-2019 12:05 am"], [NINE, datetime(2019, 12, 31, 0, 5)]),
    "DATETIME": (["04MAR2019:09:15:00", "31DEC2019:21:05:30"], [NINE, PAST]),
    "ISO to the minute": (["2019-03-04T09:15", "2019-12-31T21:05"], [NINE, datetime(2019, 12, 31, 21, 5)]),
    "ISO with a space": (["2019-03-04 09:15:00", "2019-12-31 21:05:30"], [NINE, PAST]),
    "milliseconds": (["2019-03-04 09:15:00.000", "2019-12-31 21:05:30.250"], [NINE, PAST.replace(microsecond=250_000)]),
    "one zone": (["2019-03-04T09:15:00+02:00", "2019-12-31T21:05:30+02:00"], [NINE, PAST]),
    "UTC": (["2019-03-04T09:15:00Z", "2019-12-31T21:05:30Z"], [NINE, PAST]),
    "summer time": (
        ["2019-03-04T09:15:00+01:00", "2019-07-01T08:00:00+02:00", "2019-12-31T21:05:30+01:00"],
        [NINE, datetime(2019, 7, 1, 8), PAST],
    ),
    "partial": (
        ["2019", "2019-03", "2019-03-04", "2019-12-31", "2019-07-02"],
        [date(2019, 7, 1), date(2019, 3, 16), MARCH, DECEMBER, date(2019, 7, 2)],
    ),
}


@pytest.mark.parametrize("what", READ)
def test_a_date_is_read_and_written_back(what: str) -> None:
    texts, days = READ[what]
    cells = pl.Series("x", [*texts, None])
    form = recognise(cells)
    assert form is not None
    read = form.read(cells)
    assert read.dtype == (pl.Datetime("us") if isinstance(days[0], datetime) else pl.Date)
    if what != "partial":
        assert read.to_list() == [*days, None]
    else:  # a day in the middle on which no whole date falls
        assert read[0].year == 2019 and read[0].month in (6, 7) and read[1].month == 3 and read.to_list()[2:5] == days[2:]
    assert form.write(read).to_list() == [*texts, None]
    assert TypeAdapter(AnyForm).validate_python(form.model_dump(mode="json", exclude_defaults=True)) == form


@pytest.mark.parametrize(
    "texts",
    [
        ["2019-03-04", "2019-12-31"],
        ["2019", "2020"],
        ["127/82", "130/77"],
        ["31/02/2019", "01/01/2019"],
        ["1-2-3", "4-5-6"],
        ["yes", "no"],
        ["12.5", "13.1"],
    ],
)
def test_plain_dates_and_what_is_no_date_have_no_form_of_dates(texts: list[str]) -> None:
    form = recognise(pl.Series("x", texts))
    assert form is None or form.form != "date"


def test_whether_day_or_month_comes_first_is_told_by_other_columns_or_asked() -> None:
    either = pl.Series("seen", ["04/03/2019", "05/06/2019"])
    with pytest.raises(UsageError) as error:
        recognise(either, habits([either]))
    assert str(error.value) == (
        "column 'seen': '04/03/2019' could be 04 March 2019 or 03 April 2019, and nothing in the table tells which: "
        "say so with `date_formats=seen=%d/%m/%Y` or `date_formats=seen=%m/%d/%Y`."
    )
    for other, day in ((["31/12/2019"], MARCH), (["12/31/2019"], date(2019, 4, 3))):
        form = recognise(either, habits([either, pl.Series("born", other)]))
        assert form is not None and form.read(either)[0] == day
        assert "as in other columns" in form.note
    stops = pl.Series(["04.03.2019", "05.06.2019"])
    form = recognise(stops, Habits())
    assert form is not None and form.read(stops)[0] == MARCH and "day was taken to come first" in form.note


def test_a_form_that_is_given_is_taken_or_refused() -> None:
    form = as_stated(pl.Series(["4/3/2019", None]), "%m/%d/%Y")
    assert form is not None and form.read(pl.Series(["4/3/2019"]))[0] == date(2019, 4, 3)
    assert form.write(pl.Series([date(2019, 4, 3)]))[0] == "4/3/2019"
    assert as_stated(pl.Series(["31/12/2019"]), "%m/%d/%Y") is None
    timed = as_stated(pl.Series(["2019.063 09h15"]), "%Y.%j %Hh%M")
    assert timed is not None and timed.read(pl.Series(["2019.063 09h15"]))[0] == NINE
    with pytest.raises(UsageError, match="is no form of a date"):
        as_stated(pl.Series(["x"]), "dd/mm/yyyy")


def test_whole_numbers_that_are_all_days_are_dates() -> None:
    numbers = pl.Series([20190304, 20191231, 20200229, None])
    form = recognise_whole(numbers)
    assert form is not None
    read = form.read(numbers)
    assert read.to_list() == [MARCH, DECEMBER, date(2020, 2, 29), None]
    back = form.write(read)
    assert back.to_list() == numbers.to_list() and back.dtype == pl.Int64
    for none in ([20190304, 20191231, 20190229], [20190304, 20190304], [1, 2, 3], [20190000, 20190001, 20190002]):
        assert recognise_whole(pl.Series(none)) is None
    moments = pl.Series([20190304091500, 20191231210530, 20200229000000])
    form = recognise_whole(moments)
    assert form is not None and form.read(moments).to_list()[:2] == [NINE, PAST]
    assert form.write(form.read(moments)).to_list() == moments.to_list()


def test_a_made_moment_gets_the_offset_of_the_nearest_real_one() -> None:
    form = recognise(pl.Series(["2019-03-04T09:15:00+01:00", "2019-07-01T08:00:00+02:00", "2019-12-31T21:05:30+01:00"]))
    assert form is not None
    made = form.write(pl.Series([datetime(2018, 1, 1), datetime(2019, 7, 9, 12), datetime(2021, 1, 1)]))
    assert made.to_list() == ["2018-01-01T00:00:00+01:00", "2019-07-09T12:00:00+02:00", "2021-01-01T00:00:00+01:00"]


def test_a_day_that_does_not_exist_is_found() -> None:
    cells = pl.Series([f"{day:02d}/12/2019" for day in range(1, 32)] + ["31/02/2019"])
    assert recognise(cells) is None
    form = nearly(cells)
    assert form is not None and form.read(cells).is_null().arg_true().to_list() == [31]


@given(
    st.lists(st.datetimes(datetime(1950, 1, 1), datetime(2035, 1, 1)), min_size=1, max_size=20),
    st.sampled_from(["%d/%m/%Y", "%m/%d/%Y", "%-d.%-m.%Y", "%d.%m.%y", "%Y/%m/%d", "%d%b%Y", "%d-%b-%y", "%B %-d, %Y"]),
    st.sampled_from(["", " %H:%M", " %H:%M:%S", " %-I:%M %p", ":%H:%M:%S"]),
    st.booleans(),
)
def test_dates_of_any_form_come_back_cell_for_cell(moments, day, clock, upper) -> None:
    texts = pl.Series(moments, dtype=pl.Datetime("us")).dt.to_string(day + clock)
    texts = texts.str.to_uppercase() if upper else texts
    order = {sign: day.replace("-", "").startswith("%d") for sign in "/."}
    form = recognise(texts, Habits(day_first=order))
    assert form is not None
    read = form.read(texts)
    assert form.write(read).to_list() == texts.to_list()
    if "%y" not in day:
        assert read.cast(pl.Date).to_list() == [moment.date() for moment in moments]


@given(st.lists(st.times(), min_size=1, max_size=20), st.sampled_from(["%H:%M", "%H:%M:%S", "%-I:%M %p", "%I:%M%P"]))
def test_times_of_day_come_back_cell_for_cell(times, pattern) -> None:
    texts = pl.Series(times, dtype=pl.Time).cast(pl.Duration("us")) + pl.Series([datetime(2019, 1, 1)])
    texts = texts.dt.to_string(pattern)
    form = recognise(texts)
    assert form is not None and form.form == "clock"
    read = form.read(texts)
    seconds = [3600 * t.hour + 60 * t.minute + t.second for t in times]
    assert read.to_list() == (seconds if "%S" in pattern else [second // 60 for second in seconds])
    assert form.write(read).to_list() == texts.to_list()


def test_hours_beyond_a_day_are_durations() -> None:
    cells = pl.Series(["27:15", "3:10", "-1:30"])
    form = recognise(cells)
    assert form is not None and form.read(cells).to_list() == [1635, 190, -90] and form.bounds == (None, None)
    assert form.write(form.read(cells)).to_list() == cells.to_list()
    day = recognise(pl.Series(["08:30", "23:59"]))
    assert day is not None and day.bounds == (0, 1439) and day.write(pl.Series([1500, -3])).to_list() == ["23:59", "00:00"]
    assert recognise(pl.Series(["08:61"])) is None
    assert recognise(pl.Series(["1:20", "1:40"])) is None  # titres


STORED = {
    "decimal": pl.Series([Decimal("1.20"), Decimal("250.10"), None], dtype=pl.Decimal(10, 2)),
    "enum": pl.Series(["high", "low", None], dtype=pl.Enum(["low", "middle", "high"])),
    "categorical": pl.Series(["b", "a", None], dtype=pl.Categorical),
    "milliseconds": pl.Series([NINE, None], dtype=pl.Datetime("ms")),
    "zone": pl.Series([NINE, PAST]).dt.replace_time_zone("Europe/Paris"),
    "zone in nanoseconds": pl.Series([NINE, None]).cast(pl.Datetime("ns")).dt.replace_time_zone("America/New_York"),
    "an hour told twice": pl.Series([datetime(2019, 10, 27, 0, 30, tzinfo=UTC), datetime(2019, 10, 27, 1, 30, tzinfo=UTC)])
    .cast(pl.Datetime("us", "UTC"))
    .dt.convert_time_zone("Europe/Paris"),
    "time": pl.Series([time(8, 30), time(23, 59, 59), None]),
    "duration": pl.Series([timedelta(days=2), timedelta(seconds=-5), None]),
    "milliseconds of a duration": pl.Series([timedelta(milliseconds=1)], dtype=pl.Duration("ms")),
    "null": pl.Series([None, None]),
}


@pytest.mark.parametrize("what", STORED)
def test_a_stored_type_comes_out_as_it_went_in(what: str) -> None:
    cells = STORED[what]
    form = recognise(cells)
    assert form is not None
    back = form.write(form.read(cells))
    assert back.dtype == cells.dtype and back.equals(cells)
    assert TypeAdapter(AnyForm).validate_python(form.model_dump(mode="json", exclude_defaults=True)) == form


def test_zoned_moments_are_read_as_the_clock_on_the_wall() -> None:
    form = recognise(STORED["zone"])
    assert form is not None and form.read(STORED["zone"]).to_list() == [NINE, PAST]
    gap = form.write(pl.Series([datetime(2019, 3, 31, 2, 30)]))  # an hour that the clock leaves out
    assert gap[0].astimezone(UTC) == datetime(2019, 3, 31, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "cells", [pl.Series([1, 2]), pl.Series([1.5]), pl.Series([True]), pl.Series([MARCH]), pl.Series([NINE])]
)
def test_plain_types_have_no_form(cells: pl.Series) -> None:
    assert recognise(cells) is None
