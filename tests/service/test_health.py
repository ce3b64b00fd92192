"""Whoever watches the server sees what it does, cheaply, and with labels that no client can make more of."""

import json
import re
import subprocess
import sys
import threading
import time

from anyio import to_thread
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from reverie.service.jobs.overview import LaneView
from reverie.service.quota import Quota


def scrape(site) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every number, once no request but this one is open: one is counted a moment after its answer has arrived."""
    for _ in range(200):
        reply = site.call("GET", "/metrics")
        assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
        families = text_string_to_metric_families(reply.body.decode())
        told = {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}
        if told["reverie_requests_open", ()] == 1:
            break
        time.sleep(0.05)
    return told


def test_alive_and_ready(site):
    assert site.call("GET", "/healthz").json == {"status": "ok"}
    reply = site.call("GET", "/readyz")
    assert (reply.status, reply.json["status"]) == (200, "ready")
    assert all(reply.json["checks"].values())


def test_each_reason_not_to_be_ready_is_told(site, monkeypatch):
    def reasons() -> list[str]:
        reply = site.call("GET", "/readyz")
        failed = [name for name, fine in reply.json["checks"].items() if not fine]
        assert reply.status == (503 if failed else 200)
        return failed

    site.jobs.lanes["slow"] = LaneView(workers=0, own=1)
    assert reasons() == ["workers are alive"]
    site.jobs.lanes["slow"] = LaneView(workers=0, own=0)
    assert reasons() == [], "a lane of 0 workers is left to other machines"
    assert site.call("GET", "/readyz").json["lanes"]["slow"] == {"workers": 0, "own": 0}
    assert (site.call("GET", "/readyz?lane=slow").status, site.call("GET", "/readyz?lane=quick").status) == (503, 200)
    site.jobs.lanes["quick"] = LaneView(workers=0, own=0)
    assert reasons() == ["workers are alive"], "there is none anywhere"
    site.jobs.lanes["slow"] = LaneView(workers=1, own=0)
    assert reasons() == []
    site.jobs.usable = False
    assert reasons() == ["ledger can be used"]
    site.jobs.usable = True
    site.app.state.draining = True
    assert reasons() == ["takes work"]
    site.app.state.draining = False
    monkeypatch.setattr(Quota, "free", lambda self: 0)
    assert reasons() == ["disk has room"]
    monkeypatch.undo()
    site.workspace.state.rmdir()
    assert reasons() == ["workspace can be written"]
    site.workspace.state.mkdir()
    assert reasons() == []
    assert site.call("GET", "/healthz").status == 200


def test_requests_are_counted_by_method_template_and_class_of_status(site):
    for i in range(3):
        site.call("PUT", f"/api/files/patient{i}.csv", b"1")
        site.call("GET", f"/api/files/patient{i}.csv")
    site.call("GET", "/api/files/none.csv")
    told = scrape(site)
    route = "/api/files/{name}"
    name = next(
        dict(labels)["route"] for key, labels in told if key == "reverie_requests_total" and "files/{name" in str(labels)
    )
    assert name.startswith(route.removesuffix("}"))
    assert told["reverie_requests_total", (("method", "PUT"), ("route", name), ("status", "2xx"))] == 3
    assert told["reverie_requests_total", (("method", "GET"), ("route", name), ("status", "2xx"))] == 3
    assert told["reverie_requests_total", (("method", "GET"), ("route", name), ("status", "4xx"))] == 1
    assert told["reverie_request_seconds_count", (("method", "PUT"), ("route", name))] == 3
    assert told["reverie_requests_open", ()] == 1  # the scrape itself
    assert told["reverie_jobs_running", (("lane", "quick"),)] == 0
    assert told["reverie_workers", (("lane", "slow"),)] == 1
    assert any(key == "process_resident_memory_bytes" for key, _ in told)


def test_no_client_can_add_a_label(site):
    def series() -> int:
        return len([key for key in scrape(site) if key[0].startswith("reverie_requests")])

    site.call("GET", "/api/nothing")
    site.call("GET", "/static/nothing.js")
    site.call("GET", "/api/files/x.csv")
    site.raw(b"BREW /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    scrape(site)
    before = series()
    for i in range(30):
        site.call("GET", f"/api/nothing/{i}?a={i}")
        site.call("GET", f"/static/nothing{i}.js")
        site.call("GET", f"/api/files/x{i}.csv", headers={"host": "localhost", "user-agent": str(i)})
        site.raw(f"BREW{'X' * i} /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert series() == before


def test_two_apps_of_one_process_have_their_own_numbers(serving):
    first, second = serving(), serving()
    first.call("GET", "/api/files")
    assert not [key for key in scrape(second) if "/api/files" in str(key)]


def test_health_is_answered_while_every_thread_of_the_pool_is_taken(serving):
    release, arrived = threading.Event(), threading.Semaphore(0)
    threads = 3  # of the pool, which has 40 otherwise: as many again are more than some machines lend to one test

    def hold(app: FastAPI) -> None:
        def wait() -> None:
            arrived.release()
            release.wait(60)

        async def narrow() -> None:
            to_thread.current_default_thread_limiter().total_tokens = threads

        app.add_api_route("/api/narrow", narrow)
        app.add_api_route("/api/hold", wait)

    site = serving(hold)
    assert site.call("GET", "/api/narrow").status == 200
    callers = [threading.Thread(target=site.call, args=("GET", "/api/hold")) for _ in range(2 * threads)]
    try:
        for caller in callers:
            caller.start()
        for _ in range(threads):
            assert arrived.acquire(timeout=30)
        assert site.call("GET", "/healthz").status == 200
        assert site.call("GET", "/readyz").status == 200
        assert site.call("GET", "/metrics").status == 200
        assert not arrived.acquire(blocking=False), "a thread was free"
    finally:
        release.set()
        for caller in callers:
            caller.join()


def test_neither_the_app_nor_health_imports_torch():
    code = "import sys, reverie.service.serve, reverie.service.routes.health; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_what_the_metrics_are_called_is_plain(site):
    names = set(re.findall(r"^# HELP (\S+)", site.call("GET", "/metrics").body.decode(), re.MULTILINE))
    assert {name for name in names if not name.startswith(("reverie_", "process_"))} == set()
    assert json.dumps(sorted(names))
