"""The page as a place to work: home leads on, the queue tells of all jobs, files come and go, nothing that runs is lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

Visit = Callable[..., Page]
Answer = Callable[..., None]
ONE_SIZE = pytest.mark.parametrize("size", ["wide"], indirect=True)
VISITS = "patient,month,marker\n1,0,3.1\n1,3,2.9\n2,0,4.2\n2,3,4.4\n3,0,2.2\n3,3,2.0\n"
DROP = """([place, files]) => {
    const moved = new DataTransfer();
    for (const [name, text, type] of files) moved.items.add(new File([text], name, {type}));
    const drop = new DragEvent("drop", {dataTransfer: moved, bubbles: true, cancelable: true});
    document.querySelectorAll(".drop")[place].dispatchEvent(drop);
}"""
LONG = "samplers?size=128&samplers=ddim,heun&steps=150,160,170,180,190,200&reference=200"
ASK = """async ([path, body]) => {
    await fetch(path, {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)});
}"""
GONE = "async (name) => !(await (await fetch('/api/files')).json()).files.some((file) => file.name === name)"


def state(page: Page, id: str) -> str:
    return page.evaluate("async (id) => (await (await fetch(`/api/jobs/${id}`)).json()).state", id)


# --- home -------------------------------------------------------------------------------------------------------------


def test_a_bundled_picture_is_one_press_from_drowning(visit: Visit) -> None:
    page = visit()
    page.get_by_role("button", name="photograph: flower").click()
    expect(page).to_have_title("Forward – Reverie")
    assert "picture=flower" in page.url
    expect(page.locator(".subject-canvas")).to_be_visible()


@ONE_SIZE
def test_a_table_goes_to_its_view_wherever_on_home_it_is_dropped(visit: Visit, workspace: Path) -> None:
    page = visit()
    page.evaluate(DROP, [0, [["from-home.csv", VISITS, "text/csv"]]])
    expect(page).to_have_url(re.compile("#/records.*table=from-home.csv"))
    expect(page.locator(".schema tbody tr")).to_have_count(3)
    assert (workspace / "from-home.csv").read_text() == VISITS


def test_home_tells_what_the_workspace_holds(visit: Visit, workspace: Path, digits: str) -> None:
    (workspace / "held.csv").write_text(VISITS)
    (workspace / digits / "manifest.json").touch()  # the newest are shown, and other tests train too
    page = visit()
    holds = page.locator(".holds")
    expect(holds.get_by_role("link", name=digits)).to_be_visible()
    expect(holds.get_by_role("link", name="held.csv")).to_be_visible()
    holds.get_by_role("link", name="Files", exact=True).click()
    expect(page).to_have_title("Files – Reverie")


# --- what runs --------------------------------------------------------------------------------------------------------


@ONE_SIZE
def test_work_goes_on_through_a_reload_a_second_tab_and_leaving_and_the_queue_ends_it(visit: Visit) -> None:
    page = visit(LONG)
    page.get_by_role("button", name="Compare").click()
    underway = re.compile(r"\d+ of \d+")
    expect(page.get_by_text(underway).first).to_be_visible()
    expect(page).to_have_url(re.compile("work="))
    found = re.search("work=([0-9a-f]{32})", page.url)
    assert found
    page.reload()
    expect(page.get_by_text(underway).first).to_be_visible()
    assert found[0] in page.url  # no other job took its place
    address, other = page.url, page.context.new_page()
    other.goto(address)
    expect(other.get_by_text(underway).first).to_be_visible()
    other.close()
    page.goto("/#/queue")
    row = page.locator(".job").first
    expect(row).to_contain_text("Compare samplers")
    expect(row).to_contain_text("running")
    assert state(page, found[1]) == "running"
    row.get_by_role("button", name="Cancel: Compare samplers").click()
    expect(row).to_contain_text("cancelled")
    assert state(page, found[1]) == "cancelled"
    visit(address.partition("#/")[2], idle=False, fresh=True)
    expect(page.get_by_text("Stopped.")).to_be_visible()


@ONE_SIZE
@pytest.mark.parametrize("wait", [0, 60])  # where the server waits, the work has ended before its first answer
def test_what_ended_is_shown_again_and_not_computed_again(visit: Visit, log: Any, wait: int) -> None:
    page = visit("samplers?size=16&samplers=ddim&steps=2,3&reference=20")
    page.route("**/api/**", lambda route: route.continue_(headers={**route.request.headers, "prefer": f"wait={wait}"}))
    page.evaluate("() => { window.setTimeout = () => 0; }")  # whatever waits comes too late
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("button", name="Save the numbers")).to_be_visible()
    asked = len([1 for request in log.requests if request.method == "POST"])
    page.reload()
    expect(page.get_by_role("button", name="Save the numbers")).to_be_visible()
    assert len([1 for request in log.requests if request.method == "POST"]) == asked


# --- the queue --------------------------------------------------------------------------------------------------------


@ONE_SIZE
def test_a_job_tells_what_it_is_about_and_how_it_ended(visit: Visit, workspace: Path, log: Any) -> None:
    log.allow.append("422")
    for name in ("queued.csv", "strange.csv"):
        (workspace / name).write_text(VISITS)
    page = visit("queue")
    page.evaluate(ASK, ["/api/tables/describe", {"table": "queued.csv"}])
    row = page.locator(".job", has_text="queued.csv")
    expect(row).to_contain_text("Read a table")
    expect(row).to_contain_text("done")
    page.evaluate(ASK, ["/api/tables/describe", {"table": "strange.csv", "time": "nowhere"}])
    failed = page.locator(".job", has_text="strange.csv")
    expect(failed.locator(".job-error")).to_be_visible()
    page.get_by_label("Which").select_option("failed")
    expect(row).to_have_count(0)
    expect(failed).to_be_visible()
    page.reload()
    expect(failed).to_be_visible()
    expect(page.locator(".job-state", has_text="done")).to_have_count(0)


@ONE_SIZE
def test_older_jobs_come_when_asked_for_and_an_empty_queue_says_what_to_do(visit: Visit, answer: Answer, page: Page) -> None:
    def job(number: int) -> dict[str, Any]:
        at, about = "2026-01-31T09:30:00.000+00:00", {"operation": "sample", "model": f"runs/{number}"}
        told = {"task": "sample", "lane": "quick", "attempt": 1, "position": None, "progress": None, "seconds_left": None}
        ends = {"state": "succeeded", "message": None, "error": None, "who": "alice"}
        times = {"created": at, "started": at, "ended": at, "links": {"self": f"/api/jobs/{number:032}", "result": ""}}
        return {"id": f"{number:032}", "about": about, **told, **ends, **times}

    answer(re.compile("/api/jobs\\?(?!.*after=)"), lambda route: route.fulfill(json={"jobs": [job(2)], "next": "7"}))
    answer(re.compile("/api/jobs\\?.*after=7"), lambda route: route.fulfill(json={"jobs": [job(1)], "next": None}))
    visit("queue", idle=False)
    expect(page.locator(".job")).to_have_text([re.compile("runs/2.*asked by alice")])
    page.get_by_role("button", name="Older ones").click()
    expect(page.locator(".job")).to_have_text([re.compile("runs/2"), re.compile("runs/1")])
    expect(page.get_by_role("button", name="Older ones")).to_be_hidden()
    page.unroute_all()
    answer("**/api/jobs?*", lambda route: route.fulfill(json={"jobs": [], "next": None}))
    page.reload()
    page.get_by_role("link", name="Begin with a picture or a table").click()
    expect(page).to_have_title("Home – Reverie")


@ONE_SIZE
def test_a_queue_whose_server_is_away_asks_again_after_growing_pauses(
    visit: Visit, answer: Answer, page: Page, log: Any
) -> None:
    log.allow.append("Failed to load resource")
    answer("**/api/jobs?*", lambda route: route.abort())
    visit("queue", idle=False)
    for seconds in (1, 2, 4):
        expect(page.get_by_text(f"The server does not answer; trying again in {seconds} s")).to_be_visible()
    page.unroute_all()
    expect(page.get_by_text("does not answer")).to_be_hidden()


# --- files ------------------------------------------------------------------------------------------------------------


def test_files_come_several_at_once_into_a_folder_and_go_when_that_is_meant(
    visit: Visit, workspace: Path, size: str
) -> None:
    name = f"shelf-{size}"
    page = visit(f"files?in={name}")
    expect(page.get_by_text(f"There is nothing in {name}")).to_be_visible()
    page.evaluate(DROP, [0, [["one.csv", VISITS, "text/csv"], ["two.csv", VISITS, "text/csv"]]])
    rows = page.locator(".files tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text(f"{len(VISITS)} B")
    with page.expect_download() as download:
        rows.first.get_by_role("button", name="Save").click()
    assert Path(download.value.path()).read_text() == VISITS and download.value.suggested_filename == "one.csv"
    rows.first.get_by_role("button", name="Delete").click()
    expect(rows.first.get_by_role("button", name="Keep it")).to_be_focused()
    rows.first.get_by_role("button", name="Keep it").click()
    assert (workspace / name / "one.csv").is_file()
    rows.first.get_by_role("button", name="Delete").click()
    rows.first.get_by_role("button", name="Delete it").click()
    expect(rows).to_have_count(1)
    assert not (workspace / name / "one.csv").exists()
    page.get_by_role("navigation", name="Folders").get_by_role("link", name="Workspace").click()
    expect(rows.filter(has_text=f"{name}/")).to_contain_text("1 file")


@ONE_SIZE
def test_a_question_stays_while_the_list_is_read_again(visit: Visit, workspace: Path) -> None:
    folder = workspace / "asked"
    folder.mkdir()
    (folder / "first.csv").write_text(VISITS)
    page = visit("files?in=asked")
    rows = page.locator(".files tbody tr")
    rows.first.get_by_role("button", name="Delete").click()
    page.evaluate(DROP, [0, [["second.csv", VISITS, "text/csv"]]])
    expect(rows).to_have_count(2)
    expect(rows.first.get_by_role("button", name="Keep it")).to_be_focused()
    rows.first.get_by_role("button", name="Delete it").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("second.csv")
    assert [file.name for file in folder.iterdir()] == ["second.csv"]


@ONE_SIZE
def test_a_file_that_is_there_or_in_use_is_said_to_be(visit: Visit, answer: Answer, workspace: Path, log: Any) -> None:
    log.allow.append("409")
    (workspace / "busy.csv").write_text(VISITS)
    page = visit("files")
    page.evaluate(DROP, [0, [["busy.csv", "other", "text/csv"]]])
    expect(page.get_by_text("has a file busy.csv already")).to_be_visible()
    page.get_by_role("button", name="Keep the old one").click()
    assert (workspace / "busy.csv").read_text() == VISITS
    body = {
        "title": "Something is there already",
        "status": 409,
        "detail": "busy.csv is in use by a job: wait until it has ended.",
    }
    told = {"status": 409, "json": body, "content_type": "application/problem+json"}
    answer("**/api/files/busy.csv", lambda route: route.fulfill(**told))
    row = page.locator(".files tbody tr", has_text="busy.csv")
    row.get_by_role("button", name="Delete").click()
    row.get_by_role("button", name="Delete it").click()
    expect(row.get_by_role("alert")).to_contain_text("in use by a job")


@ONE_SIZE
def test_a_table_that_was_refused_does_not_stay_but_one_that_needs_a_word_does(
    visit: Visit, workspace: Path, log: Any
) -> None:
    log.allow.append("422")
    page = visit("records")
    page.evaluate(DROP, [0, [["hopeless.csv", VISITS.replace("4.4", "inf"), "text/csv"]]])
    expect(page.get_by_role("alert")).to_contain_text("an infinite number cannot be modelled")
    page.wait_for_function(GONE, arg="hopeless.csv")
    page.evaluate(DROP, [0, [["asking.csv", VISITS + "1,3,9.9\n", "text/csv"]]])
    expect(page.get_by_role("alert")).to_contain_text("“Two rows of one patient at one time”")
    assert (workspace / "asking.csv").is_file()
