"""Models of tables of each shape."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reverie.models import PatientModel
from reverie.records import read_table


@pytest.fixture
def model(drawn_model) -> Callable[..., PatientModel]:
    """model(source, **reading): of the table that is read from it, with its weights drawn."""
    return lambda source, **reading: drawn_model(read_table(source, **reading))
