"""A call that makes a job gives its result if that comes soon, and its address if not; the job outlives the connection."""

from __future__ import annotations

import http.client
import json

import pytest
from watching import PATIENT, done, until


def test_what_is_soon_done_is_answered_in_the_call_itself(server):
    status, headers, body = server.do("echo", n=1)
    assert (status, body) == (200, {"echo": {"n": 1}})
    assert server.ask("GET", f"/api/jobs/{headers['x-job']}/result")[2] == body


def test_what_takes_longer_is_202_with_an_address_that_leads_to_the_result(server):
    status, headers, view = server.do("nap", wait=0, seconds=0.5)
    assert status == 202
    assert headers["location"] == view["links"]["self"] == f"/api/jobs/{view['id']}"
    assert view["state"] in ("queued", "running")
    early, _, problem = server.ask("GET", view["links"]["result"])
    assert early == 409
    assert problem["type"] == "/problems/unfinished"
    assert server.ended(view["id"])["state"] == "succeeded"
    assert server.ask("GET", view["links"]["result"])[2] == {"slept": 0.5}


@pytest.mark.parametrize(
    ("prefer", "status"),
    [
        ("wait=0", 202),
        ("respond-async", 202),
        ("respond-async, wait=4", 202),
        ("handling=lenient; wait=4", 200),
        ("soon", 200),
    ],
)
def test_the_client_may_say_how_long_it_waits(server, prefer, status):
    assert server.ask("POST", "/api/chores/nap", {"seconds": 0.2}, {"Prefer": prefer})[0] == status


def test_nobody_waits_longer_than_the_service_allows(server):
    status, _, view = server.do("nap", wait=1000, seconds=30)
    assert status == 202  # wait_seconds is 5 here
    assert server.ask("POST", view["links"]["cancel"])[2]["id"] == view["id"]
    assert server.ended(view["id"])["state"] == "cancelled"
    assert server.ask("GET", view["links"]["result"])[0] == 409


def test_a_job_that_failed_answers_with_its_problem(server):
    status, headers, problem = server.do("wrong", data=True)
    assert status == 422
    assert headers["content-type"] == "application/problem+json"
    assert problem["detail"] == "row 3 of visits.csv has no time: fill it in."
    assert "request_id" in problem


def test_a_job_does_not_end_with_the_connection_that_asked_for_it(server):
    connection = http.client.HTTPConnection(server.host, timeout=PATIENT)
    connection.request("POST", "/api/chores/nap", json.dumps({"seconds": 0.7}), {"Content-Type": "application/json"})
    mine = until(lambda: [job for job in newest(server) if job["state"] == "running"])[0]
    connection.close()
    assert server.ended(mine["id"])["state"] == "succeeded"


def newest(server) -> list[dict]:
    return server.ask("GET", "/api/jobs?limit=5")[2]["jobs"]


def test_a_key_that_comes_twice_is_one_job(server):
    key = {"Idempotency-Key": "one-and-the-same"}
    first = server.ask("POST", "/api/chores/echo", {"n": 7}, key)
    second = server.ask("POST", "/api/chores/echo", {"n": 7}, key)
    assert first[2] == second[2] == {"echo": {"n": 7}}
    assert first[1]["x-job"] == second[1]["x-job"]
    assert server.ask("POST", "/api/chores/echo", {"n": 8}, key)[0] == 422


def test_files_of_a_job_are_attachments_with_names_that_lead_nowhere_else(server):
    id = server.do("tell", count=1)[1]["x-job"]
    connection = http.client.HTTPConnection(server.host, timeout=PATIENT)
    connection.request("GET", f"/api/jobs/{id}/files/table.csv")
    reply = connection.getresponse()
    assert (reply.status, reply.read()) == (200, b"a,b\n1,2\n")
    assert reply.getheader("content-disposition", "").startswith("attachment")
    connection.close()
    for name in ("missing.csv", "..%2Fresult.json", "%2e%2e", ".hidden", "a%00b", "..%5cresult.json", "table.csv%2F", "%ff"):
        status, _, problem = server.ask("GET", f"/api/jobs/{id}/files/{name}")
        assert status in (404, 422), name
        assert problem["type"] in ("/problems/not-found", "/problems/invalid", "/problems/name")


def test_the_list_shows_the_newest_first(server):
    ids = [server.do("echo", n=n)[1]["x-job"] for n in range(3)]
    assert [job["id"] for job in newest(server)][:3] == ids[::-1]
    for wrong in ("limit=0", "after=x", "state=done", "lane=fast"):
        assert server.ask("GET", f"/api/jobs?{wrong}")[0] == 422, wrong


def test_the_list_goes_on_where_a_part_ended_and_is_filtered(server):
    first = server.do("echo")[1]["x-job"]
    last = server.do("tell", count=1)[1]["x-job"]
    part = server.ask("GET", "/api/jobs?limit=1")[2]
    assert [job["id"] for job in part["jobs"]] == [last]
    rest = server.ask("GET", f"/api/jobs?limit=1&after={part['next']}")[2]
    assert [job["id"] for job in rest["jobs"]] == [first]
    chosen = server.ask("GET", "/api/jobs?state=succeeded&state=failed&lane=slow&operation=tell")[2]["jobs"]
    assert chosen[0]["id"] == last and {job["task"] for job in chosen} == {"tell"}
    assert (chosen[0]["about"], chosen[0]["who"], chosen[0]["seconds_left"]) == ({"operation": "tell"}, None, None)


def test_a_second_writer_is_answered_with_the_first_and_a_reader_is_let_in(server):
    writes = server.do("nap", wait=0, seconds=60, writes=["runs/a"])[2]
    status, headers, problem = server.do("echo", writes=["runs/a/new.csv"])
    assert (status, problem["type"]) == (409, "/problems/conflict") and writes["id"] in problem["detail"]
    assert "x-job" not in headers
    assert server.do("course", steps=1, reads=["runs/a"])[0] == 200
    server.ask("POST", f"/api/jobs/{writes['id']}/cancel")
    server.ended(writes["id"])
    assert server.do("echo", writes=["runs/a/new.csv"])[0] == 200


def test_health_is_answered_while_every_worker_is_busy(server):
    busy = [server.do("nap", wait=0, seconds=60)[2]["id"], server.do("course", wait=0, steps=6000)[2]["id"]]
    until(lambda: [server.job(id)["state"] for id in busy] == ["running"] * 2)
    assert [server.ask("GET", "/healthz")[0] for _ in range(50)] == [200] * 50
    until(lambda: 'reverie_jobs_running{lane="quick"} 1.0' in _text(server, "/metrics"))
    for id in busy:
        server.ask("POST", f"/api/jobs/{id}/cancel")
        assert server.ended(id)["state"] == "cancelled"


def _text(server, path: str) -> str:
    connection = http.client.HTTPConnection(server.host, timeout=PATIENT)
    connection.request("GET", path)
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def test_each_call_is_done_once(server):
    root = server.log.with_suffix("")
    before = len(done(root))
    for n in range(5):
        server.do("echo", n=n)
    assert len(done(root)) == before + 5
