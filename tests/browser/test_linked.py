"""Linked tables on the page: a folder that is given and drawn, tables made of it, and patients in time."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from reverie import train, zips
from reverie.models import hospitals
from reverie.records.linked import LinkedSchema, read_linked

Visit = Callable[..., Page]
ONE_SIZE = pytest.mark.parametrize("size", ["wide"], indirect=True)
DROP = """(files) => {
    const drop = new DataTransfer();
    for (const [name, text] of files) drop.items.add(new File([text], name));
    const event = new DragEvent("drop", {dataTransfer: drop, bubbles: true, cancelable: true});
    document.querySelector(".drop").dispatchEvent(event);
}"""


@pytest.fixture(scope="session")
def folder(workspace: Path, hospital_tables: Callable[..., Any]) -> str:
    place = workspace / "wards"
    place.mkdir()
    for name, frame in hospital_tables(30).items():
        frame.write_csv(place / f"{name}.csv")
    return "wards"


@pytest.fixture(scope="session")
def run(workspace: Path, folder: str) -> str:
    """A run of that folder: two steps, which is enough to be asked."""
    small = {"network.width": 16, "network.layers": 1, "training.batch": 16}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hospitals, "CALIBRATED", (32, 32))
        train(workspace / folder, workspace / "runs" / "wards", steps=2, settings=small)
    return "runs/wards"


@ONE_SIZE
def test_files_that_are_dropped_together_are_one_folder_drawn_with_its_keys(
    visit: Visit, workspace: Path, hospital_tables: Callable[..., Any], log: Any
) -> None:
    page = visit("linked")
    files = [(f"{name}.csv", frame.write_csv()) for name, frame in hospital_tables(12).items()]
    page.get_by_label("Name of the folder").fill("clinics")
    page.evaluate(DROP, [*files, ("notes.docx", "x")])
    tables = read_linked({name.removesuffix(".csv"): frame for name, frame in hospital_tables(12).items()})
    boxes = page.locator(".tables .box")
    expect(boxes).to_have_count(len(tables.schema.tables))
    expect(page.get_by_text("1 file is no table and was left out.")).to_be_visible()
    assert {(workspace / "clinics" / name).read_text() for name, _ in files} == {text for _, text in files}
    assert page.locator("g.tie[data-of]").count() == sum(len(table.refers) for table in tables.schema.tables)
    stays = page.locator(".box[data-name=stays]")
    label = str(stays.get_attribute("aria-label"))
    assert "patient_id names a row of patients" in label and "discharged, when it ended" in label
    stays.focus()
    expect(page.locator("g.tie.lit")).to_have_count(4)  # its own key, and the three that name it
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the schema").click()
    text = Path(download.value.path()).read_text()
    assert LinkedSchema.from_yaml(text, "schema") == read_linked(workspace / "clinics").schema

    log.allow.append("409")
    page.evaluate(DROP, files[:1])
    expect(page.get_by_role("alert")).to_contain_text("clinics has 1 file of this name already: patients.csv.")
    page.get_by_role("button", name="Use the old one").click()
    expect(boxes).to_have_count(len(tables.schema.tables))
    page.get_by_role("button", name="Train on these tables").click()
    expect(page.get_by_label("Name of the run")).to_have_value("runs/clinics")
    page.get_by_role("button", name="Show the call").click()
    expect(page.get_by_role("dialog")).to_contain_text('"source":"clinics","out":"runs/clinics","minutes":5')


@ONE_SIZE
def test_a_real_patient_is_gone_through_in_time(visit: Visit, workspace: Path, folder: str) -> None:
    page = visit(f"linked?folder={folder}&real=2")
    side = page.get_by_label("Real patient", exact=True)
    expect(side.locator("dl")).to_contain_text("P0002")
    side.get_by_role("button", name="Next real patient").click()
    expect(side.locator("dl")).to_contain_text("P0003")
    expect(page).to_have_url(re.compile("real=3"))
    tables = read_linked(workspace / folder).frames
    stays = tables["stays"].filter(tables["stays"]["patient_id"] == "P0003").sort("admitted")
    drawing = side.get_by_role("img")
    expect(drawing).to_have_attribute("aria-label", re.compile(rf"P0003 in time: {stays.height} of stays, "))
    drawing.focus()
    page.keyboard.press("Home")
    expect(side.get_by_role("status")).to_contain_text(f"stays, {stays['admission_type'][0]}")
    side.get_by_label("Number of the real patient").fill("30")
    side.get_by_label("Number of the real patient").press("Enter")
    expect(side.locator("dl")).to_contain_text("P0030")
    expect(side.get_by_role("button", name="Next real patient")).to_be_disabled()


def test_new_tables_are_a_folder_and_one_of_its_patients_stands_beside_a_real_one(
    visit: Visit, workspace: Path, run: str, size: str
) -> None:
    page = visit(f"linked?step=make&model={run}&patients=6")
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_label("Column").select_option("sex")
    page.get_by_label("Value").select_option("male")
    page.get_by_role("button", name="Make", exact=True).click()
    real, made = (page.get_by_label(f"{name} patient", exact=True) for name in ("Real", "Synthetic"))
    expect(real.locator("dl")).to_contain_text("P0001")
    expect(made.locator("dl")).to_contain_text("sexmale")
    expect(made.get_by_text("of 6")).to_be_visible()
    frames = read_linked(workspace / "made" / "wards").frames
    assert frames["patients"]["sex"].to_list() == ["male"] * 6
    expect(made.locator("dl")).to_contain_text(frames["patients"]["patient_id"][0])
    page.get_by_label("Table", exact=True).select_option("stays")
    assert page.locator(".preview tbody tr").count() == min(10, frames["stays"].height)
    page.reload()
    expect(made.locator("dl")).to_contain_text(frames["patients"]["patient_id"][0])


@ONE_SIZE
def test_what_may_come_after_stands_apart_from_what_was_given(
    visit: Visit, workspace: Path, run: str, tmp_path: Path
) -> None:
    zips.pack(workspace / "wards", tmp_path / "packed.zip")
    page = visit("linked")
    page.get_by_label("Table files").set_input_files(tmp_path / "packed.zip")
    expect(page.get_by_label("Folder", exact=True)).to_have_value("packed.zip")
    expect(page.locator(".tables .box").first).to_be_visible()
    page.get_by_role("tab", name="Complete").click()
    page.get_by_role("radio", name="Go on").check()
    far = page.get_by_label("How far")
    far.fill("-3")
    far.blur()
    expect(page.get_by_text("Give a time as 12h, 30d, 2w or 1y, or a number of stays.")).to_be_visible()
    far.fill("500d")
    far.blur()
    page.get_by_role("button", name="Complete", exact=True).click()
    side = page.get_by_label("Completed patient", exact=True)
    drawing = side.get_by_role("img").first
    expect(drawing).to_have_attribute("aria-label", re.compile(r"drawn\)"))
    expect(side.get_by_text("drawn by the model", exact=True).last).to_be_visible()
    drawing.focus()
    page.keyboard.press("Home")
    expect(side.get_by_role("status")).not_to_contain_text("Drawn by the model.")
    page.keyboard.press("End")
    expect(side.get_by_role("status")).to_contain_text("Drawn by the model.")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save completed/packed.zip").click()
    download.value.save_as(tmp_path / "back.zip")
    before, after = (read_linked(path).frames["stays"] for path in (workspace / "wards", tmp_path / "back.zip"))
    assert after.height > before.height and after.head(before.height).equals(before)


@ONE_SIZE
def test_a_patient_is_seen_in_each_of_several_draws(
    visit: Visit, workspace: Path, run: str, hospital_tables: Callable[..., Any]
) -> None:
    (workspace / "holed").mkdir()
    for name, frame in hospital_tables(12).items():
        if name == "stays":
            frame = frame.with_columns(ward=None)
        frame.write_csv(workspace / "holed" / f"{name}.csv")
    page = visit(f"linked?step=complete&model={run}&folder=holed&draws=3&seed=1")
    page.get_by_role("button", name="Complete", exact=True).click()
    side = page.get_by_label("Completed patient", exact=True)
    chosen, drawing = side.get_by_label("Draw", exact=True), side.get_by_role("img").first
    for draw in ("1", "3"):
        chosen.select_option(draw)
        stays = read_linked(workspace / "completed" / "holed" / draw).frames["stays"].sort("patient_id", "admitted")
        for _ in range(100):  # it is drawn anew when the draw has been read
            drawing.focus()
            page.keyboard.press("Home")
            if f"ward {stays['ward'][0]}" in str(side.get_by_role("status").text_content()):
                break
            page.wait_for_timeout(100)
        expect(side.get_by_role("status")).to_contain_text(f"ward {stays['ward'][0]}")
    expect(page).to_have_url(re.compile("draw=3"))
    page.reload()
    expect(chosen).to_have_value("3")
