"""Results as strict JSON."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from reverie.plain import plain, size


def test_what_is_plain_is_strict_json_and_what_is_not_finite_is_null():
    found = plain({1: [float("inf"), float("nan"), 0.5], "a": (np.float64(2), np.int64(3)), "b": Path("x"), "c": True})
    assert found == {"1": [None, None, 0.5], "a": [2.0, 3], "b": "x", "c": True}
    json.dumps(found, allow_nan=False)
    assert plain({"when": date(2001, 2, 3), "none": None}) == {"when": "2001-02-03", "none": None}


@pytest.mark.parametrize(("count", "words"), [(4.2e8, "420 MB"), (2.4e10, "24.0 GB")])
def test_sizes_are_to_plan_by(count, words):
    assert size(count) == words
