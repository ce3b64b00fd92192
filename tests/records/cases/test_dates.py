"""Dates as the source writes them, as the time of a visit and elsewhere: days that exist, later ones later, written so.

Every form of a date and which of two is meant are in forms/test_dates.py and forms/test_tables.py.
"""

from datetime import date, datetime, timedelta, timezone

import numpy as np
import polars as pl
import pytest

from reverie import export

draw = np.random.default_rng(0)
PEOPLE, EACH, ROWS = 30, 4, 120

DAYS = [
    date(2019, 3, 1) + timedelta(days=int(p % 9 + 40 * v + draw.integers(0, 30))) for p in range(PEOPLE) for v in range(EACH)
]
BORN = [date(1930, 1, 1) + timedelta(days=int(d)) for d in draw.integers(0, 20_000, PEOPLE)]
FORMS = ["%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d%b%Y", "%d-%b-%Y", "%B %d, %Y", "%Y-%m-%d"]


def written(days, form):
    upper = form == "%d%b%Y"
    return [f"{day:{form}}".upper() if upper else f"{day:{form}}" for day in days]


def read(cells, form):
    """The days that cells tell: strictly, so that none that does not exist passes."""
    return [datetime.strptime(cell, form).date() for cell in cells]


@pytest.mark.parametrize("form", FORMS)
def test_made_days_exist_go_forward_and_are_written_as_in_the_source(brought, visits, holes, form):
    frame = visits(visit_date=written(DAYS, form), dob=written(BORN, form), lab=draw.normal(9, 1, ROWS).round(1)).drop("day")
    file = brought(frame)
    assert file.schema.time.name == "visit_date" and file.schema["dob"].kind == "date" and file.back.equals(frame)
    assert file.table.frame["visit_date"].to_list() == DAYS
    for made in (file.made(), file.drawn(100, spread=2)):
        seen = read(made["visit_date"], form)
        assert written(seen, form) == made["visit_date"].to_list()
        assert min(seen) >= date(2018, 1, 1) and max(seen) < date(2024, 1, 1)
        later = (
            pl.DataFrame({"id": made["id"], "seen": seen})
            .group_by("id")
            .agg((pl.col("seen").diff().drop_nulls().dt.total_days() > 0).all())
        )
        assert later["seen"].all()
        assert written(read(made["dob"], form), form) == made["dob"].to_list()
    whole = file.completed(holes(frame, "lab", "dob"))
    assert whole.equals(frame.with_columns(lab=whole["lab"])) and whole["lab"].null_count() == 0


@pytest.mark.parametrize("form", ["%Y%m%d", "%d.%m.%Y", "%d%b%Y"])
def test_a_forecast_is_written_as_the_past_is(brought, visits, tmp_path, form):
    frame = visits(visit_date=written(DAYS, form), lab=draw.normal(9, 1, ROWS).round(1)).drop("day")
    file = brought(frame)
    done = export.complete(file.model, file.path, forecast=2, settings={"steps": 2})
    done.write(tmp_path / "ahead.csv")
    ahead = pl.read_csv(tmp_path / "ahead.csv", infer_schema=False)
    assert ahead.height == PEOPLE * (EACH + 2)
    for _, rows in ahead.group_by("id", maintain_order=True):
        was = frame.filter(id=rows["id"][0])
        assert rows[:EACH].equals(was)
        seen = read(rows["visit_date"], form)
        assert (
            seen[EACH] > seen[EACH - 1]
            and seen[EACH + 1] > seen[EACH]
            and written(seen, form) == rows["visit_date"].to_list()
        )


@pytest.mark.parametrize(
    ("zone", "form"),
    [
        ("+02:00", r"^20\d\d-\d\d-\d\dT\d\d:15:00\+02:00$"),
        ("Z", r"^20\d\d-\d\d-\d\dT\d\d:15:00Z$"),
        ("-05:00", r"^20\d\d-\d\d-\d\dT\d\d:15:00-05:00$"),
    ],
)
def test_the_clock_on_the_wall_and_its_offset_stay(brought, visits, holes, zone, form):
    cells = [f"{day}T{draw.integers(7, 19):02d}:15:00{zone}" for day in DAYS]
    frame = visits(visit_date=cells, lab=draw.normal(9, 1, ROWS).round(1)).drop("day")
    file = brought(frame)
    assert file.back.equals(frame)
    assert file.table.frame["visit_date"].to_list() == [datetime.fromisoformat(cell).replace(tzinfo=None) for cell in cells]
    made = file.made()
    assert made["visit_date"].str.contains(form.replace(":15:00", r":\d\d:\d\d")).all()
    assert file.completed(holes(frame, "lab"))["visit_date"].equals(frame["visit_date"])


def test_summer_time_has_its_own_offset(brought, visits, holes):
    def offset(day):
        return timezone(timedelta(hours=1 + (date(2019, 3, 31) <= day < date(2019, 10, 27))))

    cells = [datetime(day.year, day.month, day.day, 9, 15, tzinfo=offset(day)).isoformat() for day in DAYS]
    frame = visits(visit_date=cells, lab=draw.normal(9, 1, ROWS).round(1)).drop("day")
    file = brought(frame)
    assert file.back.equals(frame) and set(file.table.frame["visit_date"].dt.hour()) == {9}
    file.completed(holes(frame, "lab"))
    assert file.made()["visit_date"].str.contains(r"\+0[12]:00$").all()


def test_dates_of_births_before_1970_and_partial_dates_come_back(brought, visits):
    partial = [("{:%Y}", "{:%Y-%m}", "{:%Y-%m-%d}")[min(k % 7, 2)].format(day) for k, day in enumerate(DAYS)]
    frame = visits(born=written(BORN, "%d.%m.%y"), onset=partial)
    file = brought(frame)
    assert file.back.equals(frame) and file.schema["onset"].kind == file.schema["born"].kind == "date"
    assert max(file.table.frame["born"]) < date(2000, 1, 1)
    made = file.drawn(100)
    assert made["born"].str.to_date("%d.%m.%y", strict=False).null_count() == 0
    assert made["onset"].str.contains(r"^\d{4}(-\d\d(-\d\d)?)?$").all()
