"""What one job writes no other writes: by the fields that operations declare, in one transaction, in every ledger."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from reverie import operations
from reverie.operations.declare import Operation
from reverie.records.reading import BUNDLED as TABLES
from reverie.service.jobs.admission import Asked
from reverie.service.jobs.ledger import Ledger
from reverie.service.jobs.places import BUNDLED, Places, about, places
from reverie.service.problems import Problem
from reverie.studies.subject import PHOTOGRAPHS, is_bundled

SAID = {
    "training": (
        {"source": "tables/visits.csv", "out": "runs/a", "overwrite": True},
        (["tables/visits.csv"], ["runs/a"], True),
    ),
    "sample": ({"model": "runs/a", "out": "new.csv", "count": 3}, (["runs/a"], ["new.csv"], False)),
    "imputation": ({"model": "runs/a", "table": "holes.csv"}, (["runs/a", "holes.csv"], [], False)),
    "description": ({"table": "pbc2"}, ([], [], False)),
    "invert": (
        {"edit": "invert", "model": "runs/a", "picture": "data:image/png;base64,AAAA", "noise": "n.npz", "out": "b/"},
        (["runs/a"], ["b", "n.npz"], False),
    ),
    "interpolate": (
        {"edit": "interpolate", "model": "runs/a", "picture": "digits:3", "other": "p.png"},
        (["p.png", "runs/a"], [], False),
    ),
    "report": ({"runs": ["runs/a"]}, (["runs/a"], ["runs/a"], False)),
    "forward": ({"image_path": "p.png", "save_path": "f.png"}, (["p.png"], ["f.png"], False)),
}


def request_of(name: str) -> tuple[Operation, Any]:
    operation = operations.find(name)
    return operation, operation.request.model_construct(**SAID[name][0])


@pytest.mark.parametrize("name", SAID)
def test_what_a_request_reads_and_writes_is_what_its_fields_declare(name):
    reads, writes, replaces = SAID[name][1]
    found = places(*request_of(name))
    assert (sorted(found.reads), sorted(found.writes), found.replaces) == (sorted(reads), sorted(writes), replaces)
    assert Places.seen(found.view) == found


def test_what_a_job_is_about_is_its_operation_and_the_names_of_its_request():
    assert about(*request_of("training")) == {"operation": "training", "source": "tables/visits.csv", "out": "runs/a"}
    assert about(*request_of("description")) == {"operation": "description", "table": "pbc2"}
    assert about(*request_of("invert")) == {"operation": "invert", "model": "runs/a", "noise": "n.npz", "out": "b/"}


def test_the_output_of_each_operation_that_is_served_is_declared_as_written():
    for name in operations.TITLES:
        operation = operations.find(name)
        if operation.route is not None and operation.writes:
            names = {field: "made.csv" if field == operation.writes else None for field in operation.request.model_fields}
            assert places(operation, operation.request.model_construct(**names)).writes == ("made.csv",), name


def test_what_is_bundled_is_in_no_place():
    assert set(BUNDLED) == {*TABLES, "digits", *PHOTOGRAPHS}
    assert all(is_bundled(name) for name in BUNDLED - set(TABLES))


RUN, INSIDE, BESIDE = "runs/a", "runs/a/new.csv", "runs/ab"
READ, WRITE, REPLACE = "read", "write", "replace"
REFUSED = {(WRITE, WRITE), (WRITE, REPLACE), (REPLACE, WRITE), (REPLACE, REPLACE), (REPLACE, READ)}
"""Pairs (who comes, who is there) of which the first is refused."""


def user(how: str, name: str) -> Places:
    return Places(reads=(name,)) if how == READ else Places(writes=(name,), replaces=how == REPLACE)


@pytest.mark.parametrize("comes", [READ, WRITE, REPLACE])
@pytest.mark.parametrize("there", [READ, WRITE, REPLACE])
def test_of_each_pair_the_second_is_refused_where_one_would_undo_the_other(comes, there):
    for name, other, meet in ((RUN, RUN, True), (RUN, INSIDE, True), (INSIDE, RUN, True), (RUN, BESIDE, False)):
        refused = user(comes, name).against(user(there, other))
        assert refused == (name if meet and (comes, there) in REFUSED else None), (name, other)


def asked(id: str, used: Places = Places(writes=(RUN,)), key: str | None = None) -> Asked:
    return Asked(id, "training", "slow", True, "{}", "digest", {"operation": "training", "out": RUN}, used, key, "alice")


@pytest.fixture
def ledgers(tmp_path, url):
    """The ledger of one workspace, as two servers have it."""
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(contextlib.closing(Ledger(tmp_path, url, 20))) for _ in range(2)]
        made[0].create()
        yield made


def test_a_second_writer_is_refused_and_told_of_the_first_until_that_has_ended(ledgers):
    one, other = ledgers
    assert one.admit(asked("a", key="k"), 9) == "a"
    with pytest.raises(Problem) as refused:
        other.admit(asked("b"), 9)
    assert (refused.value.status, refused.value.kind) == (409, "conflict")
    assert "runs/a is in use by job a (training)" in refused.value.detail
    assert other.admit(asked("b", key="k"), 9) == "a", "the same call, sent twice, is no conflict"
    assert other.admit(asked("r", Places(reads=(RUN,))), 9) == "r"
    job = other.get("a")
    assert (job.about, job.who) == ({"operation": "training", "out": RUN}, "alice")
    assert (one.using(INSIDE, True).id, one.using("runs", True).id, one.using(BESIDE, True)) == ("a", "a", None)
    for id in "a":
        with one.change(id) as change:
            change.finish("cancelled")
    assert one.using(RUN, True) is None and one.using(RUN, False).id == "r"
    assert other.admit(asked("b"), 9) == "b"


def test_of_many_at_once_one_is_admitted(ledgers):
    def ask(number: int) -> str | None:
        try:
            return ledgers[number % 2].admit(asked(f"{number}"), 99)
        except Problem as problem:
            assert problem.status == 409
            return None

    with ThreadPoolExecutor(8) as pool:
        admitted = [id for id in pool.map(ask, range(16)) if id]
    assert len(admitted) == 1 and ledgers[0].ids() == set(admitted)


def test_the_list_is_read_in_parts_and_by_state_lane_and_operation(open_jobs):
    jobs = open_jobs(begin=False)
    made = [jobs.submit("course" if n % 2 else "echo", {"n": n}, who="alice").id for n in range(5)]
    jobs.cancel(made[0])
    seen, after = [], None
    while True:
        part, after = jobs.list(2, after)
        seen += [job.id for job in part]
        if after is None:
            break
        if len(seen) == 2:
            made.append(jobs.submit("echo", {}).id)  # what is new meanwhile moves nothing
    assert seen == made[4::-1]

    def ids(**wanted: Any) -> list[str]:
        found, following = jobs.list(10, **wanted)
        assert following is None
        return [job.id for job in found]

    assert ids(lane="slow") == [made[3], made[1]] == ids(operation="course")
    assert ids(states=["cancelled"]) == [made[0]]
    assert ids(states=["cancelled", "queued"], operation="echo") == [made[5], made[4], made[2], made[0]]
    view = jobs.get(made[4]).view()
    assert (view["about"], view["who"], view["position"], view["seconds_left"]) == ({"operation": "echo"}, "alice", 2, None)
