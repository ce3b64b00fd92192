"""Axes: ticks are round, lie within the ends, and no two of them read alike."""

from datetime import date, timedelta

import numpy as np
import pytest

from reverie.drawing.scales import Scale, days, ticks

EPOCH = date(1970, 1, 1)


@pytest.mark.parametrize(
    "ends",
    [(0, 1), (-3, 7), (105, 106), (0.2, 0.204), (1950, 2020), (0, 2.4e6), (999_000, 1_002_000), (-8e9, 3e9), (0, 3e-7)],
)
@pytest.mark.parametrize("most", [3, 5])
def test_ticks_are_even_and_within_the_ends_and_read_differently(ends, most):
    found = Scale(*ends, 0, 100).ticks(most)
    at = [x for x, _ in found]
    assert 1 <= len(found) <= most + 1 and min(at) >= ends[0] and max(at) <= ends[1] * (1 + 1e-12)
    assert len({label for _, label in found}) == len(found)
    np.testing.assert_allclose(np.diff(at), np.diff(at)[0] if len(at) > 1 else [])


def test_a_year_has_no_comma_and_a_share_has_its_sign():
    assert [label for _, label in Scale(1990, 2010, 0, 1).ticks(2)] == ["1990", "2000", "2010"]
    assert [label for _, label in Scale(0, 0.1, 0, 1, kind="share").ticks(2)] == [
        "0\N{NO-BREAK SPACE}%",
        "5\N{NO-BREAK SPACE}%",
        "10\N{NO-BREAK SPACE}%",
    ]
    assert [label for _, label in Scale(0, 2.4e6, 0, 1).ticks(2)] == ["0", "2M"]
    assert [label for _, label in Scale(0.2, 2000, 0, 1, log=True).ticks(5)] == ["1", "10", "100", "1000"]


def test_whole_numbers_have_no_ticks_between():
    assert [at for at, _ in Scale(1, 3, 0, 1, kind="whole").ticks(5)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("first", "span", "label"),
    [
        (date(1931, 3, 4), 20_000, "1940"),
        (date(2019, 2, 1), 1200, "2020"),
        (date(2019, 2, 1), 200, "2019-04"),
        (date(2019, 2, 1), 12, "2019-02-08"),
    ],
)
def test_dates_are_round_and_as_short_as_can_be(first, span, label):
    low = (first - EPOCH).days
    found = days(low, low + span)
    assert label in [text for _, text in found] and 1 < len(found) <= 6
    for at, text in found:
        assert low <= at <= low + span and (EPOCH + timedelta(days=at)).isoformat().startswith(text)


def test_times_far_apart_and_beyond_the_calendar_have_ticks():
    far = days((date.min - EPOCH).days - 10, (date.max - EPOCH).days + 10)
    assert [label for _, label in far] == ["2000", "4000", "6000", "8000"]
    assert Scale(-1e9, 1e9, 0, 1, kind="date").told(1e9) == "9999-12-31"


def test_a_single_value_has_one_tick():
    assert ticks(3, 3) == [3] and ticks(0, float("inf")) == [0]
