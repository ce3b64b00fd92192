"""What the documents show is run: every console and Python block, in order, one working directory for each document.

So that this takes seconds, `quick` rewrites commands in the open: budgets of training become a few steps of a small network
on patients or on pictures of at most 8 x 8, counts of samples at most 16, draws at most 2, demonstrations at most 32 pixels
wide; figures of patients are left out but in the demo, what is put right after training rests on few draws, reports on
patients have a few of their parts, and reports on pictures see a hundred. All else runs as written. Of `make` targets, the
lines that call reverie are run in the same way, so that later commands find their outputs. What serves until it is stopped
is started on a free port of this machine, seen to answer, and stopped; a worker is run here, and stopped once it says that
it works. docs/api.md is run by test_api.py, against one server.
"""

import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import urllib.request
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from reverie.cli.app import app
from reverie.evaluation.areas import AREAS
from reverie.evaluation.linked.areas import areas_of
from reverie.sources import TableSource
from reverie.studies import mistakes

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    path
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
    if path.exists() and path.name != "api.md"
]
BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHOW = TableSource.show  # figures of patients, which only the demo makes
MEASURED = cache(mistakes.mistakes)
SMALL = ("--set", "network.width=8", "--set", "network.blocks=1", "--set", "training.batch=16")
SMALL_RECORDS = ("--set", "network.width=8", "--set", "network.layers=1", "--set", "training.batch=16")
ELSEWHERE = {
    "git",
    "cd",
    "source",
    "pip",
    "python3",
    "tensorboard",
    "open",
    "ls",
    "cat",
}  # shown, not run: installing and looking


def blocks(path: Path) -> list[tuple[str, str, int]]:
    """(language, content, line) of each fenced block that is to be run."""
    text = path.read_text()
    found = [(m[1], m[2], text.count("\n", 0, m.start()) + 1) for m in BLOCK.finditer(text)]
    return [block for block in found if block[0] in ("python", "console", "sh", "bash")]


def commands(block: str) -> list[list[str]]:
    """The words of each command of a block, without comments, prompts, what the shell adds, or shown output."""
    lines = block.replace("\\\n", " ").splitlines()
    if any(line.startswith("$ ") for line in lines):
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    found: list[list[str]] = []
    for line in lines:
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
        lexer.whitespace_split = True
        words = list(lexer)
        while words:
            end = next((i for i, word in enumerate(words) if set(word) <= set("|&;<>")), len(words))
            piped = end < len(words) and words[end] not in ("&&", ";")
            first = words[:end]
            while first and re.fullmatch(r"[A-Z_]+=.*", first[0]):
                first = first[1:]
            found += [first] if first else []
            words = [] if piped else words[end + 1 :]
    return found


def quick(words: list[str]) -> list[str]:
    """The arguments of a `reverie` command, with what takes long made short."""
    match words:
        case ["train", *_]:
            tabular = (
                words[1] in ("pbc2", "hospital") or "--stream" in words or words[1].endswith((".csv", ".csv.gz", ".parquet"))
            )
            words = [*replaced(words, "--minutes", "--steps", lambda _: "3"), *(SMALL_RECORDS if tabular else SMALL)]
            words = replaced(words, "--size", "--size", lambda n: str(min(int(n), 8)))
            return replaced(words, "--steps", "--steps", lambda n: str(min(int(n), 3)))
        case ["distill", *_]:
            return replaced(words, "--steps", "--steps", lambda _: "1")
        case ["sample", *_]:
            return replaced(words, "--count", "--count", lambda n: str(min(int(n), 16)))
        case ["impute", *_]:
            return replaced(words, "--draws", "--draws", lambda n: str(min(int(n), 2)))
        case ["study", "reverse", *_] if "--model" not in words:
            words = words if "--width" in words else [*words, "--width", "512", "--height", "512"]
            for side in ("--width", "--height"):
                words = replaced(words, side, side, lambda n: str(min(int(n), 32)))
        case ["study", "playground", *_]:
            words = words if "--training-steps" in words else [*words, "--training-steps", "10"]
            return replaced(words, "--training-steps", "--training-steps", lambda n: str(min(int(n), 10)))
    return words


def replaced(words: list[str], option: str, other: str, value) -> list[str]:
    if option not in words:
        return words
    i = words.index(option)
    return [*words[:i], other, value(words[i + 1]), *words[i + 2 :]]


def quick_python(code: str) -> str:
    """reverie.train(..., minutes=1) and steps=1000 become steps=3, and so does reverie.distill."""
    shorten = re.compile(r"\b(?:minutes|steps)=[\d.]+")
    return re.sub(r"reverie\.(?:train|distill)\([^)]*\)", lambda call: shorten.sub("steps=3", call[0]), code)


@cache
def targets() -> dict[str, list[str]]:
    """Each target of the Makefile with the lines of its recipe that call reverie."""
    text = (ROOT / "Makefile").read_text()
    variables = dict(re.findall(r"^(\w+) *[:?]?= *(.*)$", text, re.MULTILINE))
    text = re.sub(r"\$\((\w+)\)", lambda name: variables.get(name[1], name[0]), text)
    recipes = re.findall(r"^([a-z]+):.*\n((?:\t.*\n)*)", text, re.MULTILINE)
    return {
        name: [line.strip() for line in lines.splitlines() if "/reverie " in line.split("'")[0]] for name, lines in recipes
    }


def promised() -> list[str]:
    """Where the demo of the Makefile says to look for what it made."""
    recipe = re.search(r"^demo:.*\n((?:\t.*\n)*)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    said = "".join(line for line in recipe[1].splitlines(True) if "@echo" in line)
    return [f"demo{path}" for path in re.findall(r"\$\(OUT\)(/[\w/.*]+)", said)]


@cache
def proved(*arguments: str) -> int:
    """`reverie prove` depends on no folder, so each form of it runs once for all documents."""
    return CliRunner().invoke(app, list(arguments)).exit_code


def run(words: list[str], where: str) -> None:
    """Runs one command, or checks that what it names exists. Raises AssertionError that says where."""
    program = Path(words[0]).name
    if program == "torchrun":  # the command that each of its processes runs
        words = ["reverie", *words[words.index("reverie") + 1 :]]
        program = "reverie"
    if words[1:3] == ["-m", "reverie"]:
        words, program = words[2:], "reverie"
    if program == "make":
        named = [word for word in words[1:] if "=" not in word]
        assert set(named) <= set(targets()), f"{where}: the Makefile has no {named}"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("reverie.sources.TableSource.show", SHOW)
            for line in (line for name in named for line in targets()[name]):
                run(shlex.split(line), f"{where}: make {named}: {line}")
        if "demo" in named:
            missing = [path for path in promised() if not list(Path.cwd().glob(path))]
            assert missing == [], f"{where}: make demo says where to look, and there is no {missing}"
    elif program == "python" and words[1].startswith("examples/"):
        assert (ROOT / words[1]).is_file(), f"{where}: there is no {words[1]}"  # test_examples.py runs it
    elif program == "python" and words[1:3] == ["-m", "pytest"]:
        assert all((ROOT / word).exists() for word in words[3:] if "/" in word), f"{where}: no such test"
    elif program == "python" and words[1] == "-m" and words[2].startswith("benchmarks."):
        assert (ROOT / f"{words[2].replace('.', '/')}.py").is_file(), f"{where}: no such benchmark"
    elif program == "python" and words[1].startswith("benchmarks/"):
        assert (ROOT / words[1]).is_file(), f"{where}: there is no {words[1]}"
    elif program != "reverie":
        assert program in ELSEWHERE, f"{where}: nothing runs or checks {program!r}"
    elif words[1] == "serve" and "key" not in words:
        serves(*replaced(words[1:], "--workspace", "--workspace", lambda _: "work"))
        if "--workspace" in words:  # as it leaves it, for a worker
            Path(words[words.index("--workspace") + 1], ".reverie").mkdir(parents=True, exist_ok=True)
    elif words[1] == "work":
        works(words[1:], where)
    elif words[1:2] == ["prove"]:
        assert proved(*words[1:]) == 0, where
    else:
        result = CliRunner().invoke(app, quick(words[1:]) or ["--help"], prog_name="reverie")
        assert result.exit_code == 0, f"{where}: {shlex.join(words)}: {result.exception!r} {result.output[-2000:]}"


@cache
def serves(*words: str) -> None:
    """Starts a server; it must say where it is, answer there, and end well when it is told to. Each form of it once for all
    documents, over a workspace that nothing is in."""
    where = shlex.join(words)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "REVERIE_QUICK_WORKERS": "0"}  # nothing is asked of them here
    local = replaced(list(words), "--host", "--host", lambda _: "127.0.0.1")
    command = [sys.executable, "-m", "reverie", *local, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            told = process.stdout.readline().strip()
            assert told.startswith("http://127.0.0.1:"), f"{where}: {told}"
            with urllib.request.urlopen(f"{told}/healthz", timeout=60) as reply:
                assert reply.status == 200, where
        finally:
            process.terminate()
        assert process.wait(60) == 0, f"{where}: {process.stdout.read()}"
    assert "--workspace" not in words or Path("work", ".reverie").is_dir(), where


def works(words: list[str], where: str) -> None:
    """Runs a worker until it says that it is there; it must end well when it is told to."""
    told: list[str] = []

    def heard(sentence: str) -> None:
        told.append(sentence)
        signal.raise_signal(signal.SIGTERM)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reverie.cli.console.note", heard)
        patch.setattr("reverie.service.logs.configure", lambda: None)
        handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        limit = resource.getrlimit(resource.RLIMIT_DATA)
        try:
            result = CliRunner().invoke(app, words)
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
    assert resource.getrlimit(resource.RLIMIT_DATA) == limit, "what comes later could have no more than the worker"
    assert result.exit_code == 0 and told[0].startswith("working on"), f"{where}: {result.exception!r} {told}"


PEOPLE = range(1, 25)
HOSPITAL = {
    "patients": "patient_id,sex\n" + "".join(f"{p},{'FM'[p % 2]}\n" for p in PEOPLE),
    "stays": "stay_id,patient_id,admitted,discharged\n"
    + "".join(
        f"{10 * p + n},{p},2026-0{1 + 2 * n}-{p:02},2026-0{2 + 2 * n}-{1 + p % 9:02}\n"
        for p in PEOPLE
        for n in range(1 + p % 2)
    ),
    "labs": "stay_id,day,test,value\n"
    + "".join(
        f"{10 * p},2026-01-{p + i:02},{'Na' if i else 'Hb'},{138 + p % 5 if i else 9.5}\n" for p in PEOPLE for i in (0, 1)
    ),
}
"""Tables that are tied by keys."""


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with the pictures and the hospital that readers are told to bring."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hospital").mkdir()
    for table, text in HOSPITAL.items():
        (tmp_path / "hospital" / f"{table}.csv").write_text(text)
    rng = np.random.default_rng(0)
    for kind in ("cats", "dogs"):
        for i in range(3):
            path = tmp_path / "photos" / kind / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (20 + i, 24, 3), dtype=np.uint8)).save(path)
    Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(tmp_path / "photo.jpg")
    return tmp_path


@pytest.fixture(autouse=True)
def short_reports(monkeypatch):
    """Parts of a report on patients that take no time, and few pictures; all of it is made by tests of its own."""
    monkeypatch.setattr("reverie.reports.pictures.MOST", 100)
    few = [area for area in AREAS if area.name in ("fidelity.subgroups", "privacy.copies")]
    monkeypatch.setattr("reverie.reports.build.AREAS", few)
    monkeypatch.setattr("reverie.reports.linked.areas_of", lambda plan: areas_of(plan)[:1])


@pytest.fixture(autouse=True)
def measured_once(monkeypatch):
    """Each known mistake is measured once for all documents that show its damage."""
    monkeypatch.setattr(mistakes, "mistakes", lambda *_: MEASURED())


@pytest.mark.filterwarnings("ignore::reverie.process.TerminalSNRWarning")
@pytest.mark.parametrize("path", [path for path in DOCUMENTS if blocks(path)], ids=lambda path: path.name)
def test_every_block_of_a_document_runs(path, workplace, monkeypatch):
    monkeypatch.setattr("reverie.sources.TableSource.show", lambda *_: None)
    names: dict[str, object] = {"__name__": "__document__"}
    for language, content, line in blocks(path):
        where = f"{path.name}:{line}"
        if language == "python":
            exec(compile(quick_python(content), where, "exec"), names)
        else:
            for words in commands(content):
                run(words, where)
    assert Path.cwd() == Path(os.path.realpath(workplace)) or Path.cwd() == workplace


def test_commands_are_read_as_a_shell_would():
    block = "$ X=1 reverie prove --json | head -3\nshown\n$ make demo && reverie study walk 'a b.png'  # look\n"
    assert commands(block) == [["reverie", "prove", "--json"], ["make", "demo"], ["reverie", "study", "walk", "a b.png"]]
    assert commands("reverie train x \\\n  --steps 5 > log\n") == [["reverie", "train", "x", "--steps", "5"]]


def test_a_wrong_command_is_found(workplace):
    for words in (
        ["make", "coffee"],
        ["python", "examples/none.py"],
        ["brew", "x"],
        ["reverie", "sample", "no_run", "--count", "1"],
    ):
        with pytest.raises(AssertionError):
            run(words, "here")


def test_the_demo_of_the_makefile_is_run_and_says_where_to_look_for_what_it_makes():
    assert len(targets()["demo"]) >= 2 and targets()["help"] == []
    assert len(promised()) >= 3
    assert ["make", "demo"] in [words for _, block, _ in blocks(ROOT / "README.md") for words in commands(block)]


def test_budgets_are_cut_and_nothing_else_is():
    words = quick(shlex.split("train digits --out a --minutes 2 --seed 5"))
    assert words == [*shlex.split("train digits --out a --steps 3 --seed 5"), *SMALL]
    assert quick(["train", "visits.csv", "--minutes", "2"]) == ["train", "visits.csv", "--steps", "3", *SMALL_RECORDS]
    assert quick(["sample", "a", "--count", "100"]) == ["sample", "a", "--count", "16"]
    assert quick(["impute", "a", "b", "--draws", "5"]) == ["impute", "a", "b", "--draws", "2"]
    assert quick(["study", "walk", "--start", "100"]) == ["study", "walk", "--start", "100"]
    playing = ["study", "playground", "--shape", "rings", "--training-steps", "10"]
    assert quick(playing[:4]) == quick([*playing[:5], "200"]) == playing
    assert quick_python('reverie.train("digits", minutes=2)\nf(steps=9)') == 'reverie.train("digits", steps=3)\nf(steps=9)'
