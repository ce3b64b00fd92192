"""docs/measures.md lists every measure as it is declared: what to add or change, the failing test says."""

from pathlib import Path

import pytest

from reverie.evaluation.areas import AREAS as OF_ONE
from reverie.evaluation.linked.areas import ACROSS
from reverie.evaluation.linked.copies import copies
from reverie.evaluation.measure import Metric
from reverie.reports.likelihood import GAP, HOLDOUT, TRAIN
from reverie.reports.picture_sections import EXACT, NEARER, RULES

AREAS = (*OF_ONE, *ACROSS, copies)
TEXT = (Path(__file__).parents[2] / "docs" / "measures.md").read_text(encoding="utf-8")
PICTURES = (*RULES, EXACT, NEARER, TRAIN, HOLDOUT, GAP)
WORDS = {"{how}": "The distance that the kind of the column asks for.", "{of}": "patients or visits"}


def row(metric: Metric) -> str:
    """A measure's line of the table."""
    how = metric.how
    for place, word in WORDS.items():
        how = how.replace(place, word)
    beyond = f"{metric.tolerance:g} {metric.unit}".strip() if metric.tolerance else "any" if metric.ideal == 0 else "-"
    title = metric.title.replace("{", "").replace("}", "")
    return f"| `{metric.name}` | {title} | {how} | {beyond} | {metric.claim or '-'} |"


@pytest.mark.parametrize("metric", [m for area in AREAS for m in area.metrics] + [*PICTURES], ids=lambda m: m.name)
def test_every_measure_has_its_row(metric):
    assert row(metric) in TEXT


def test_every_row_is_of_a_measure():
    rows = {row(m) for area in AREAS for m in area.metrics} | {row(m) for m in PICTURES}
    assert {line for line in TEXT.splitlines() if line.startswith("| `")} == rows


def test_every_area_is_told_by_its_title_and_intro():
    assert all(f"## {area.title}\n\n{area.intro}\n" in TEXT for area in AREAS)
