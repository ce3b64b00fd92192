"""The server itself imports no torch: a process beside it answers what needs it, dies with it, and is begun again."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reverie.service import numbers
from reverie.service.beside import Beside
from reverie.service.problems import Problem

HEAVY = {"torch", "numpy", "scipy", "sklearn", "matplotlib", "polars", "pandas", "PIL"}
FIRST = ["/", "/static/main.js", "/api/about", "/api/schedules/linear", "/api/pictures", "/api/pictures/digits:3"]
FIRST += ["/api/noise?height=2&width=3", "/api/series?table=pbc2&patient=2", "/api/models", "/openapi.json"]
SERVER = """
import signal, sys, threading, urllib.request
from pathlib import Path
from reverie.service.beside import Beside
from reverie.service.serve import serve
from reverie.service.settings import Settings

def ask(address):
    for path in {first}:
        urllib.request.urlopen(address + path).read()
    print(sorted({heavy} & set(sys.modules)), flush=True)
    signal.raise_signal(signal.SIGTERM)

settings = Settings(workspace=Path(sys.argv[1]), port=0, free_bytes=0)
beside = Beside(settings.workspace)
serve(settings, lambda address: threading.Thread(target=ask, args=(address,)).start(), beside)
"""


@pytest.fixture(scope="module")
def beside(tmp_path_factory):
    """One for all: to begin it takes seconds."""
    started = Beside(tmp_path_factory.mktemp("beside"))
    yield started
    started.close()


def test_what_the_page_asks_first_is_answered_by_a_server_without_torch(tmp_path):
    code = SERVER.format(first=FIRST, heavy=HEAVY)
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=300)
    assert ran.stdout.strip() == "[]", ran.stderr


def test_the_answers_are_those_of_the_library(beside):
    config = json.dumps({"name": "cosine", "steps": 7})
    assert beside("schedule", config=config, t=None) == numbers.answer("schedule", config=config, t=None)
    shape = {"height": 5, "width": 4, "channels": 3, "seed": 11}
    assert beside("noise", **shape) == numbers.answer("noise", **shape)
    assert len(beside("noise", **shape)) == 4 * 5 * 4 * 3


def test_what_cannot_be_answered_is_the_same_problem(beside):
    with pytest.raises(Problem) as there:
        beside("picture", name="nothing")
    with pytest.raises(Problem) as here:
        numbers.answer("picture", name="nothing")
    assert there.value.view() == here.value.view()
    with pytest.raises(Problem) as wrong:
        beside("series", table="pbc2", patient="nobody")
    assert (wrong.value.status, wrong.value.kind) == (422, "usage")


def test_it_is_begun_again_when_it_was_killed(beside):
    before = beside._process
    before.kill()
    before.wait()
    assert json.loads(beside("pictures"))["pictures"][0]["name"] == "digits:0"
    assert beside._process.pid != before.pid


def test_it_ends_when_the_server_does_however_that_ends(tmp_path):
    code = "import sys, time\nfrom pathlib import Path\nfrom reverie.service.beside import Beside\n"
    code += "print(Beside(Path(sys.argv[1]))._process.pid, flush=True)\ntime.sleep(600)\n"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        pid = int(server.stdout.readline())
        server.kill()
    for _ in range(1200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] == "Z":  # whoever adopted it has not looked yet
            return
        time.sleep(0.05)
    pytest.fail("it outlived the server")
