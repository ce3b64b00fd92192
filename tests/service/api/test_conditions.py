"""Conditions of pictures over HTTP: a table of the workspace is shown, trained with, and asked for."""

from __future__ import annotations

import csv

import pytest

from reverie.sources import ImageSource

TINY = {"network.width": 8, "network.groups": 4, "network.blocks": 1, "training.batch": 8}


@pytest.fixture
def tables(root, monkeypatch):
    """told.csv tells of all digits whether they are even, and a number of each; wishes.csv asks for three."""
    monkeypatch.setattr(ImageSource, "show", lambda *_: None)
    rows = [(["even", "odd"][i % 2], i % 30 + 0.5) for i in range(1797)]
    for name, these in (("told", rows), ("wishes", rows[:3])):
        with (root / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("parity", "ink"), *these])
    return root


def test_a_table_of_the_workspace_is_shown_trained_with_and_asked_for(client, tables):
    asked = {"source": "digits", "conditions": "told.csv"}
    shown = client.post("/api/tables/conditions", json=asked).json()
    assert [(each["name"], each["kind"], each["told"]) for each in shown["attributes"]] == [
        ("class", "levels", 1797),
        ("parity", "levels", 1797),
        ("ink", "number", 1797),
    ]
    reply = client.post("/api/trainings", json={**asked, "out": "runs/told", "steps": 2, "settings": TINY})
    assert reply.status_code < 300, reply.json()
    card = client.get("/api/models/runs/told").json()
    assert card["classes"] == [] and card["attributes"][1] == {"name": "parity", "kind": "levels", "levels": ["even", "odd"]}
    assert "path" not in card["config"]["source"]["conditions"]
    body = {"model": "runs/told", "steps": 2, "given": "wishes.csv", "where": ["class=3"], "guidance": 2.0}
    made = client.post("/api/samples", json={**body, "negative": ["parity=odd", "ink=1"]}).json()
    assert made["summary"]["count"] == len(made["preview"]["images"]) == 3
    wrong = client.post("/api/samples", json={"model": "runs/told", "count": 1, "where": ["parity=evn"]}).json()
    assert "unknown level of parity 'evn': did you mean 'even'" in wrong["detail"]
    gone = client.post("/api/tables/conditions", json={**asked, "conditions": "../told.csv"})
    assert gone.status_code in (400, 404, 422)
