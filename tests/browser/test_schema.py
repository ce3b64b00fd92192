"""The schema of a table edited on the page, its rules, what only its owner knows, and what new patients are to be."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from reverie.records import Schema, read_table

Visit = Callable[..., Page]
Drop = Callable[[str, str], None]
Text = Callable[..., str]
SCALES = "import('/static/lib/scales.js')"
ONE_SIZE = pytest.mark.parametrize("size", ["wide"], indirect=True)


@ONE_SIZE
def test_a_column_is_changed_and_what_changed_is_said(visit: Visit, table: str, workspace: Path) -> None:
    page = visit(f"records?table={table}")
    row = page.locator(".schema tbody tr", has_text="stage")
    row.get_by_role("button").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Kind").select_option("ordinal")
    expect(page.locator(".changed li")).to_have_text(
        ["stage: kind categorical → ordinal; values high, low, mid → high < low < mid."]
    )
    dialog.get_by_role("button", name="Move high down").click()
    expect(dialog.locator(".levels span")).to_have_text(["low", "high", "mid"])
    dialog.get_by_role("button", name="Move high down").click()
    expect(dialog.locator(".levels span")).to_have_text(["low", "mid", "high"])
    dialog.get_by_role("button", name="Close").click()
    expect(row.get_by_role("button")).to_be_focused()
    page.reload()
    expect(row).to_contain_text("low < mid < high")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the schema").click()
    text = Path(download.value.path()).read_text()
    read = read_table(workspace / table, Schema.from_yaml(text, "visits.schema.yaml"))
    assert download.value.suggested_filename == "visits.schema.yaml"
    assert read.schema["stage"].kind == "ordinal" and read.schema["stage"].levels == ("low", "mid", "high")

    visit(f"records?table={table}")  # as it is found
    expect(row).to_contain_text("categorical")
    page.get_by_label("Schema file").set_input_files(download.value.path())
    expect(row).to_contain_text("low < mid < high")
    page.get_by_role("button", name="Find them in the table instead").click()
    expect(row).to_contain_text("categorical")


@ONE_SIZE
def test_a_change_that_cannot_be_is_refused_beside_its_field(visit: Visit, table: str, log: Any) -> None:
    log.allow.append("422")
    page = visit(f"records?table={table}")
    rows = page.locator(".schema tbody tr")
    rows.nth(4).get_by_role("button").click()
    field = page.locator("[data-field=upper]")
    bound = field.get_by_label("No value is above")
    bound.fill("6")
    bound.press("Tab")
    expect(field.get_by_role("alert")).to_contain_text(re.compile("column 'marker': .* is above the schema's bound 6"))
    expect(page.locator(".changed")).to_have_count(0)
    assert "edits" not in page.url
    bound.fill("50")
    bound.press("Tab")
    expect(rows.nth(4)).to_contain_text("50)")
    page.get_by_role("button", name="As it was found").click()
    expect(page.get_by_role("button", name="As it was found")).to_have_count(0)
    page.wait_for_function("() => !location.hash.includes('edits')")


@ONE_SIZE
def test_a_limit_of_detection_is_read_as_the_number_that_is_given(visit: Visit, drop: Drop, workspace: Path) -> None:
    cells = ["<0.5", "0.7", "2.5", "<0.5", "3.1", "0.9", "12.4", "<0.5", "5.5", "8.2"]
    text = "patient,month,crp\n" + "".join(f"{i // 2},{i % 2},{cells[i % 10]}\n" for i in range(40))
    page = visit("records")
    drop("limits.csv", text)
    row = page.locator(".schema tbody tr", has_text="crp")
    expect(row).to_contain_text("0.4 .. 12.4 (≥ 0.4)")
    row.get_by_role("button").click()
    limit = page.get_by_label("<0.5 is read as")
    limit.fill("0.25")
    limit.press("Tab")
    expect(page.locator(".changed li")).to_contain_text("limits of detection <0.5 as 0.4 → <0.5 as 0.25")
    expect(row).to_contain_text("'<0.5' (as 0.25) beyond what could be measured")
    with page.expect_download() as download:
        page.get_by_role("dialog").get_by_role("button", name="Close").click()
        page.get_by_role("button", name="Save the schema").click()
    schema = Schema.from_yaml(Path(download.value.path()).read_text(), "limits.schema.yaml")
    read = read_table(workspace / "limits.csv", schema)
    assert read.schema["crp"].lower == 0.25
    assert schema["crp"].read(read.frame["crp"])[[0, 3]].tolist() == [0.25, 0.25]


@ONE_SIZE
def test_rules_are_added_and_switched_off_with_their_support(visit: Visit, table: str, log: Any) -> None:
    log.allow.append("422")
    page = visit(f"records?table={table}")
    section = page.locator("section", has=page.get_by_role("heading", name="Rules", exact=True))
    field = section.get_by_label("Another rule")
    field.fill("marker << age")
    section.get_by_role("button", name="Add it").click()
    expect(section.get_by_role("alert")).to_contain_text("marker << age")
    field.fill("marker < age")
    section.get_by_role("button", name="Add it").click()
    rule = section.locator("li", has_text="marker < age")
    expect(rule).to_contain_text(re.compile(r"holds in all \d+ rows of 30 patients"))
    expect(page.locator(".changed")).to_contain_text("Kept from now on: marker < age.")
    rule.get_by_role("checkbox").click()
    expect(rule).to_have_count(0)
    expect(page.locator(".changed")).to_contain_text("Not kept any more: marker < age.")


@ONE_SIZE
def test_what_a_table_does_not_say_is_chosen_right_there(visit: Visit, drop: Drop, visits: Text, log: Any) -> None:
    log.allow.append("422")
    page = visit("records")
    drop("untold.csv", visits(5).replace("month", "at"))
    expect(page.get_by_role("alert")).to_contain_text("no column looks like the time of a visit")
    expect(page.get_by_role("alert")).not_to_contain_text("--")
    page.get_by_label("When was a visit?").select_option("at")
    expect(page.locator(".schema tbody tr").nth(1)).to_contain_text("time")
    expect(page).to_have_url(re.compile("time=at"))


@ONE_SIZE
def test_patients_are_made_to_the_statics_that_are_given(visit: Visit, drop: Drop, model: str) -> None:
    page = visit(f"records?step=generate&model={model}")
    page.get_by_text("Patients whose statics you know").click()
    drop("wanted.csv", "sex,age\nfemale,44\nmale,61\n")
    expect(page).to_have_url(re.compile("given=wanted.csv"))
    expect(page.get_by_label("How many patients")).to_be_hidden()
    page.get_by_role("button", name="Generate", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save patients.csv").click()
    rows = list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))
    assert list(dict.fromkeys((row["sex"], row["age"]) for row in rows)) == [("female", "44"), ("male", "61")]


@ONE_SIZE
def test_an_empty_condition_is_an_error_at_its_field(visit: Visit, model: str, log: Any) -> None:
    page = visit(f"records?step=generate&model={model}&where=age>")
    page.get_by_role("button", name="Generate", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("Say what age must be, or remove this condition.")
    expect(page.get_by_label("Value")).to_be_focused()
    assert not any("/api/samples" in url for url in log.calls())
    page.get_by_label("Value").fill("40")
    page.get_by_label("Value").press("Tab")
    expect(page.get_by_role("alert")).to_have_count(0)


@ONE_SIZE
def test_back_and_forward_go_through_the_steps(visit: Visit, table: str, model: str) -> None:
    page = visit(f"records?table={table}&time=month")
    expect(page.locator(".schema")).to_be_visible()
    page.get_by_role("button", name="Train on this table").click()
    page.get_by_label("Name of the run").fill("runs/other")
    page.get_by_role("tab", name="Generate").click()
    expect(page.get_by_label("How many patients")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Name of the run")).to_have_value("runs/other")
    page.go_back()
    expect(page.get_by_role("tab", name="Describe")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".schema")).to_be_visible()
    page.go_forward()
    expect(page.get_by_label("Name of the run")).to_have_value("runs/other")
    page.reload()
    expect(page.get_by_label("Name of the run")).to_have_value("runs/other")


@ONE_SIZE
def test_numbers_that_reach_far_have_a_logarithmic_axis(visit: Visit) -> None:
    page = visit("derivations", idle=False)
    bilirubin = [0.3, 0.6, 0.7, 0.9, 1.1, 1.4, 3.2, 7.1, 17.4, 28.0]
    albumin = [2.6, 3.1, 3.5, 3.9, 4.4]
    for values, wants in (bilirubin, True), (albumin, False), ([0, *bilirubin], False), ([10, 20, 30, 400], True):
        assert page.evaluate(f"values => {SCALES}.then(({{ skewed }}) => skewed(values))", values) is wants
    axis = (
        f"ends => {SCALES}.then(({{ scale }}) => scale({{ log: true }}, ends, 200, 0, 40).ticks.map(({{ text }}) => text))"
    )
    assert page.evaluate(axis, [0.3, 28]) == ["0.5", "1", "2", "5", "10", "20"]
    assert page.evaluate(axis, [1e-5, 1e5]) == ["10⁻⁴", "0.01", "1", "100", "10⁴"]
