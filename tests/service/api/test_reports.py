"""Reports over HTTP: made of runs whose data is in the workspace, listed by their heads, shown under their own policy."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import numpy as np
import pytest

from reverie import config
from reverie.images import read_images
from reverie.records import read_table
from reverie.reports import compare as compared
from reverie.reports.document import FILES
from reverie.service import listing
from reverie.service.context import again
from reverie.service.jobs.places import Places
from reverie.service.settings import Settings
from reverie.service.workspace import Workspace

TINY = {"training.batch": 8, "network.width": 8, "network.groups": 4, "network.blocks": 1}


@pytest.fixture
def run(client, root) -> str:
    """A run on forty pictures of the workspace."""
    (root / "data").mkdir()
    np.save(root / "data/some.npy", read_images("digits").pixels[:40])
    body = {"source": "data/some.npy", "out": "runs/some", "steps": 1, "settings": TINY}
    assert client.post("/api/trainings", json=body).status_code == 200
    return "runs/some"


def written(folder, **changes) -> None:
    """A report as it is kept, with little in it."""
    folder.mkdir(parents=True, exist_ok=True)
    verdict = {"headline": "Nothing was measured.", "brief": {}, "good": [], "not": ["No."], "look": [], "open": []}
    about = {"kind": "patients", "summary": "2 patients.", "sha256 of the weights": changes.pop("weights", None)}
    told = {
        "reverie": "0",
        "title": "A report",
        "about": about,
        "verdict": verdict,
        "cautions": [],
        **changes,
        "sections": [],
    }
    (folder / "report.json").write_text(json.dumps(told, indent=1))
    (folder / "report.html").write_text("<!doctype html><style>p {}</style><p>hello</p><script>1;</script>")
    (folder / "card.md").write_text("# Card")


def test_a_report_is_made_of_a_run_whose_data_is_in_the_workspace(client, root, run):
    found = client.post("/api/reports", json={"runs": [run]})
    assert found.status_code == 200, found.text
    found = found.json()
    assert found["name"] == run and found["runs"] == [run] and client.jobs.tasks[-1] == "report-large"
    assert {name for name in FILES if (root / run / name).is_file()} == {*FILES}
    assert client.jobs.heard[-1].reports[-1] == (100, 100)
    kept = json.loads((root / run / "report.json").read_text())
    assert kept["verdict"] == found["verdict"] and kept["verdict"]["brief"]["realism"].startswith("Realism: ")
    (line,) = client.get("/api/reports").json()["reports"]
    assert (line["name"], line["runs"], line["kind"], line["of"]) == (run, [run], "report", "pictures")
    assert line["verdict"]["headline"] == kept["verdict"]["headline"] and line["summary"] == kept["about"]["summary"]
    (model,) = client.get("/api/models").json()["models"]
    assert (model["report"], model["verdict"]) == (run, kept["verdict"]["headline"])
    assert client.get(f"/api/reports/{run}").json()["content"] == kept
    assert client.get(f"/api/reports/{run}/page").content == (root / run / "report.html").read_bytes()

    refused = client.post("/api/reports", json={"runs": [run]})
    assert refused.status_code == 409 and "report.html is there already" in refused.json()["detail"]
    apart = client.post("/api/reports", json={"runs": [run], "out": "reports/again", "seed": 1})
    assert apart.status_code == 200 and (root / "reports/again/card.md").is_file()
    listed = {each["name"]: each["runs"] for each in client.get("/api/reports").json()["reports"]}
    assert listed == {run: [run], "reports/again": [run]}

    client.post(f"/api/models/{run}/rename", json={"to": "runs/other"})
    listed = {each["name"]: each["runs"] for each in client.get("/api/reports").json()["reports"]}
    assert listed == {"runs/other": ["runs/other"], "reports/again": ["runs/other"]}  # by the weights it was made of
    body = {"runs": ["reports/again", "runs/other"], "out": "reports/both"}
    both = client.post("/api/reports", json=body).json()
    assert both["runs"] == body["runs"] and client.jobs.tasks[-1] == "report"
    told = client.get("/api/reports/reports/both").json()
    folders = [root / name for name in body["runs"]]
    assert told["kind"] == "comparison" and told["content"] == compared(folders, body["runs"]).json()
    assert b"reports/again" in client.get("/api/reports/reports/both/page").content


def test_a_run_finds_its_table_in_the_workspace_or_says_what_to_do(client, root, work_of, tmp_path):
    (root / "uploads").mkdir()
    read_table("pbc2").take(range(20)).frame.write_csv(root / "uploads/visits.csv")
    small = {"network.width": 16, "network.layers": 1, "training.batch": 16}
    body = {"source": "uploads/visits.csv", "out": "runs/own", "steps": 1, "id": "id", "settings": small}
    assert client.post("/api/trainings", json=body).status_code == 200
    work, _ = work_of(Settings(workspace=root, free_bytes=0), Workspace(root, Settings(workspace=root)), tmp_path / "job")
    noted = config.read(root / "runs/own").source
    assert again(work, noted, "source").frame.height == read_table("pbc2").take(range(20)).frame.height
    (root / "uploads/visits.csv").rename(root / "uploads/moved.csv")
    reply = client.post("/api/reports", json={"runs": ["runs/own"]})
    assert (
        reply.status_code == 422
        and "visits.csv, which this run was trained with, is not in the work" in reply.json()["detail"]
    )
    assert not (root / "runs/own/report.html").exists()
    outside = noted.model_copy(update={"path": "/etc/passwd.csv", "name": "passwd.csv"})
    with pytest.raises(ValueError, match="is not in the workspace"):
        again(work, outside, "source")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"runs": []}, 422, ""),
        ({"runs": ["runs/none"]}, 404, ""),
        ({"runs": ["../x"]}, 422, ""),
        ({"runs": ["runs/digits"], "synthetic": "pbc2"}, 422, "pbc2 is a table of visits, and this run makes pictures"),
        ({"runs": ["runs/patients"], "synthetic": "photos"}, 422, "must end in .csv"),
        ({"runs": ["runs/digits"], "out": "../x"}, 422, ""),
        ({"runs": ["runs/digits", "runs/patients"]}, 422, "holds no report.json"),
        ({"runs": ["runs/digits", "runs/digits"]}, 422, "named twice"),
        ({"runs": ["runs/digits", "runs/patients"], "holdout": "pbc2"}, 422, "is for one run"),
        ({"runs": ["runs/digits"], "engine": "ray"}, 422, "for the command line alone"),
    ],
)
def test_reports_that_cannot_be_made_are_one_sentence_and_leave_nothing(client, trained, body, status, words):
    reply = client.post("/api/reports", json=body)
    assert reply.status_code == status and words in reply.text, reply.text
    assert not list(trained.rglob("report.*")) and not (trained / "comparison").exists()


def test_a_list_of_reports_reads_what_stands_before_the_numbers(client, root, monkeypatch):
    monkeypatch.setattr(listing, "PIECE", 7)
    written(root / "reports/one")
    text = (root / "reports/one/report.json").read_text()
    assert text.endswith('\n "sections": []\n}')
    (root / "reports/one/report.json").write_text(text.removesuffix("[]\n}") + "not even JSON")
    written(root / "reports/two", title="Another")
    (root / "reports/two/report.json").write_text("{}")
    lines = {each["name"]: each for each in client.get("/api/reports").json()["reports"]}
    assert lines["reports/one"]["verdict"]["not"] == ["No."] and lines["reports/one"]["runs"] == []
    assert (
        lines["reports/two"]["kind"] is None and "reports/two/report.json is not a report" in lines["reports/two"]["error"]
    )
    assert client.get("/api/reports/reports/two").status_code == client.get("/api/reports/reports/one").status_code == 409


def test_the_page_of_a_report_may_run_its_own_script_and_do_nothing_else(client, root):
    written(root / "reports/one")
    reply = client.get("/api/reports/reports/one/page")
    assert reply.headers["content-type"] == "text/html; charset=utf-8" and reply.headers["x-frame-options"] == "SAMEORIGIN"
    (policy,) = reply.headers.get_list("content-security-policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))

    def digest(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert rules == {
        "default-src": "'none'",
        "script-src": digest("1;"),
        "style-src": digest("p {}"),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'self'",
        "sandbox": "allow-scripts",
    }
    assert reply.headers["x-content-type-options"] == "nosniff"
    for other in ("/api/reports", "/", "/api/reports/none/page"):
        headers = client.get(other).headers
        assert headers["x-frame-options"] == "DENY" and "frame-ancestors 'none'" in headers["content-security-policy"]


def test_the_real_page_has_all_it_needs_in_its_policy(client, root, run):
    client.post("/api/reports", json={"runs": [run], "out": "reports/one"})
    page = (root / "reports/one/report.html").read_text()
    policy = client.get("/api/reports/reports/one/page").headers["content-security-policy"]
    assert len(re.findall("'sha256-", policy)) == 2 and not re.findall(
        r' style="| on[a-z]+="|javascript:|<link(?! rel="icon")', page
    )


def test_a_report_is_deleted_and_its_run_stays(client, trained):
    written(trained / "runs/digits")
    written(trained / "reports/one")
    client.jobs.unfinished.append(("a" * 32, {"operation": "report"}, Places(writes=("reports/one",))))
    assert client.delete("/api/reports/reports/one").status_code == 409
    client.jobs.unfinished.clear()
    assert client.delete("/api/reports/reports/one").status_code == 204 and not (trained / "reports/one").exists()
    assert client.delete("/api/reports/runs/digits").status_code == 204
    assert (trained / "runs/digits/model.safetensors").is_file() and not (trained / "runs/digits/report.html").exists()
    assert client.delete("/api/reports/runs/digits").status_code == client.get("/api/reports/runs/digits").status_code == 404


def test_the_files_of_a_report_are_those_that_are_written():
    from reverie.reports import compare

    assert listing.REPORT == FILES
    assert compare.__module__ == "reverie.reports.compare" and listing.COMPARISON == ("comparison.html", "comparison.json")
