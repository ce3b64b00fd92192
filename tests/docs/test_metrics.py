"""docs/metrics.md lists every number that an operator can ask for, with its labels, and its panels name no other."""

import re
from pathlib import Path
from typing import Any

from reverie.service.jobs.ends import Outline
from reverie.service.jobs.overview import LaneView, Overview
from reverie.service.metrics import Metrics
from reverie.service.quota import Quota
from reverie.service.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_table_has_every_metric_with_its_labels(tmp_path):
    seen = Overview({"slow": LaneView()}, {"queued": 1}, True, {("slow", "worn"): 1}, {("slow", 0): 1})
    metrics = Metrics(lambda: seen, Quota(tmp_path, Settings(workspace=tmp_path)))
    metrics.request("GET", "/healthz", 200, 0.1)
    metrics.job(Outline(1, "sample", "succeeded", 0.0, 1.0, 2.0))
    disk: Any = next(each for each in metrics.registry._collector_to_names if hasattr(each, "held"))
    disk.held = {"files": 1, "bytes": 1}
    found: dict[str, set[str]] = {}
    for family in metrics.registry.collect():
        if family.name.startswith("reverie_"):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            found[name] = {label for sample in family.samples for label in sample.labels} - {"le"}
    listed = dict(re.findall(r"^\| `(reverie_\w+)(?:\{([\w,]+)\})?` \|", PAGE.read_text(), re.MULTILINE))
    assert {name: {*labels.split(",")} - {""} for name, labels in listed.items()} == found
    named = set(re.findall(r"reverie_\w+", PAGE.read_text()))
    assert {re.sub(r"_bucket$", "", name) for name in named} == set(found)
