"""reverie train and sample as a user runs them: exit codes, sentences, nothing lost."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reverie.cli import main

TINY = ["--set", "width=8", "--set", "groups=4", "--set", "blocks=1", "--set", "batch=16"]


def run(*arguments: str | Path) -> int:
    """The exit code of a command in this process."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def start(*arguments: str | Path, module: str = "reverie") -> subprocess.Popen:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, shown) -> Path:
    out = tmp_path_factory.mktemp("cli") / "run"
    with shown():
        assert run("train", "digits", "--out", out, "--steps", 3, *TINY) == 0
    return out


def test_train_writes_the_run_folder(trained: Path) -> None:
    names = {path.name for path in trained.iterdir()}
    assert names == {
        "config.yaml",
        "codec.json",
        "model.safetensors",
        "manifest.json",
        "metrics.jsonl",
        "checkpoints",
        "tensorboard",
        "samples",
    }
    assert Image.open(trained / "samples/step-3.png").size == (8 * 66 + 2, 8 * 66 + 2)


def test_the_same_seed_gives_the_same_file(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for name in ("a.npy", "b.npy"):
        assert run("sample", trained, "--count", 70, "--seed", 5, "--steps", 3, "--out", tmp_path / name, "--json") == 0
        assert json.loads(capsys.readouterr().out)["count"] == 70
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()
    assert run("sample", trained, "--count", 3, "--seed", 5, "--steps", 3, "--out", tmp_path / "c.npy") == 0
    first, whole = np.load(tmp_path / "c.npy"), np.load(tmp_path / "a.npy")
    assert np.abs(first.astype(int) - whole[:3]).max() <= 1  # a smaller batch may round differently
    assert not np.array_equal(whole[:64][:6], whole[64:])


@pytest.mark.parametrize("sampler", ["dpmpp", "dpmpp_sde", "ddim", "ancestral", "heun"])
def test_every_sampler_samples(trained: Path, tmp_path: Path, sampler: str) -> None:
    assert run("sample", trained, "--count", 2, "--steps", 3, "--sampler", sampler, "--out", tmp_path / "x.npz") == 0
    assert np.load(tmp_path / "x.npz")["images"].shape == (2, 8, 8, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["train", "digits", "--out", "RUN"], 2, "exists already"),
        (["train", "digits", "--out", "NEW", "--set", "bacth=3"], 2, "did you mean 'batch'"),
        (["train", "digits", "--out", "NEW", "--set", "batch"], 2, "--set takes key=value"),
        (["train", "digits", "--out", "NEW", "--steps", "3", "--minutes", "1"], 2, "not both"),
        (["train", "digits", "--out", "NEW", "--minutes", "0"], 2, "minutes must be"),
        (["train", "digits", "--out", "RUN", "--resume", "--set", "batch=8"], 2, "training.batch: 16 there, 8 here"),
        (["train", "digits", "--out", "RUN", "--resume", "--force"], 2, "give one of them"),
        (["train", "nowhere", "--out", "NEW"], 3, "nowhere"),
        (["train", "EMPTY", "--out", "NEW"], 3, "no pictures"),
        (["sample", "RUN", "--count", "2", "--out", "x.png", "--sampler", "ddmi"], 2, "did you mean 'ddim'"),
        (["sample", "RUN", "--count", "2", "--out", "x.png", "--spacing", "karas"], 2, "did you mean 'karras'"),
        (["sample", "RUN", "--count", "2", "--out", "x.png", "--eta", "0.5"], 2, "eta"),
        (["sample", "RUN", "--count", "0", "--out", "x.png"], 2, "--count"),
        (["sample", "RUN", "--count", "2", "--out", "x.gif"], 2, "x.gif"),
        (["sample", "RUN", "--count", "2", "--out", "x.png", "--steps", "2000"], 2, "1..1000 steps"),
        (["sample", "EMPTY", "--count", "2", "--out", "x.png"], 2, "not a run folder"),
        (["sample", "WEIGHTS", "--count", "2", "--out", "x.png"], 2, "is a file, and a run is a folder: name RUN."),
        (["sample", "CHECKPOINTS", "--count", "2", "--out", "x.png"], 2, "did you mean RUN?"),
        (["sample", "ABOVE", "--count", "2", "--out", "x.png"], 2, "name one that is in it, such as RUN."),
        (["sample", "NEAR", "--count", "2", "--out", "x.png"], 2, "did you mean RUN?"),
        (["train", "RUN", "--out", "NEW"], 2, "is a run folder, not data"),
        (["smaple"], 2, "smaple"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_an_exit_code(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, arguments, code, words
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    before = {path: path.stat().st_mtime_ns for path in trained.rglob("*")}
    places = {"RUN": trained, "NEW": tmp_path / "new", "EMPTY": tmp_path / "empty", "WEIGHTS": trained / "model.safetensors"}
    places |= {
        "CHECKPOINTS": trained / "checkpoints",
        "ABOVE": trained.parent,
        "NEAR": trained.with_name(trained.name + "s"),
    }
    words = words.replace("RUN", str(trained))
    assert run(*(places.get(word, word) for word in arguments)) == code
    captured = capsys.readouterr()
    assert words in captured.err and "Traceback" not in captured.err and captured.out == ""
    assert {path: path.stat().st_mtime_ns for path in trained.rglob("*")} == before
    assert {path.name for path in tmp_path.iterdir()} <= {"empty"}


@pytest.mark.parametrize("bad", [["nowhere"], ["digits", "--set", "bacth=3"], ["digits", "--set", "device=cuda:9"]])
def test_force_throws_nothing_away_before_the_new_run_can_begin(trained: Path, bad: list[str]) -> None:
    before = {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}
    assert run("train", *bad, "--out", trained, "--force") in (2, 3)
    assert {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()} == before


def test_force_replaces_a_run_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    arguments = ["train", "digits", "--out", tmp_path / "run", *TINY]
    assert run(*arguments, "--steps", 2) == 0
    (tmp_path / "run/notes.txt").write_text("mine")
    assert run(*arguments, "--steps", 1, "--force") == 0
    assert [p.name for p in (tmp_path / "run/checkpoints").iterdir()] == ["step-1"]
    assert (tmp_path / "run/notes.txt").read_text() == "mine"
    (tmp_path / "other").mkdir()
    (tmp_path / "other/thesis.txt").write_text("mine")
    assert run("train", "digits", "--out", tmp_path / "other", "--steps", 1, *TINY, "--force") == 2
    assert "not a run folder" in capsys.readouterr().err
    assert [p.name for p in (tmp_path / "other").iterdir()] == ["thesis.txt"]


@pytest.mark.filterwarnings("always::reverie.process.TerminalSNRWarning")
def test_a_schedule_that_ends_too_early_warns_once(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    short = ["--set", "schedule.name=linear", "--set", "schedule.steps=500", "--set", "schedule.beta_max=0.01"]
    assert run("train", "digits", "--out", tmp_path / "run", "--steps", 1, *TINY, *short) == 0
    assert capsys.readouterr().err.count("warning: alpha_bar_T = 0.0794") == 1


def test_damage_is_exit_4(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    content = (trained / "model.safetensors").read_bytes()
    try:
        (trained / "model.safetensors").write_bytes(content[:-1])
        assert run("sample", trained, "--count", 1, "--out", tmp_path / "x.png") == 4
        assert "model.safetensors is damaged" in capsys.readouterr().err
        (trained / "model.safetensors").unlink()
        assert run("sample", trained, "--count", 1, "--out", tmp_path / "x.png") == 4
        assert "model.safetensors is missing: copy the folder again" in capsys.readouterr().err
    finally:
        (trained / "model.safetensors").write_bytes(content)


def test_a_full_disk_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "weights.safetensors")

    monkeypatch.setattr("reverie.training.checkpoint.save", full)
    assert run("train", "digits", "--out", tmp_path / "run", "--steps", 2, *TINY) == 1
    said = capsys.readouterr()
    assert "No space left on device: weights.safetensors. Free some space" in said.err and said.out == ""


def test_want_of_memory_is_one_sentence_wherever_it_shows(capsys: pytest.CaptureFixture, monkeypatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 51199999488 bytes")

    monkeypatch.setattr("reverie.studies.analyse", full)
    assert run("study", "analyse", "digits:3") == 1
    said = capsys.readouterr()
    assert "there is not enough memory for this: ask for less at once" in said.err and said.out == ""


def test_help_does_not_import_torch() -> None:
    code = (
        "import sys; sys.argv = ['reverie', '--help']\nfrom reverie.cli import main\ntry: main()\nexcept SystemExit: pass\n"
    )
    check = code + "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "train" in done.stdout


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_stops_and_resumes_to_the_same_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    from reverie.training import checkpoint

    def interrupted(*arguments) -> Path:
        """The signal comes while the first checkpoint is written."""
        monkeypatch.undo()
        signal.raise_signal(number)
        return checkpoint.save(*arguments)

    arguments = ["--steps", 12, *TINY, "--set", "checkpoint_every=5"]
    monkeypatch.setattr(checkpoint, "save", interrupted)
    assert run("train", "digits", "--out", tmp_path / "run", *arguments) == code
    assert newest(tmp_path / "run") == 6
    errors = capsys.readouterr().err
    assert "go on with --resume" in errors and "Traceback" not in errors
    assert run("train", "digits", "--out", tmp_path / "run", *arguments, "--resume") == 0
    assert run("train", "digits", "--out", tmp_path / "whole", *arguments) == 0
    assert (tmp_path / "run/model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()


def test_a_kill_loses_at_most_one_checkpoint_interval(tmp_path: Path) -> None:
    arguments = ["train", "digits", "--out", tmp_path / "run", "--steps", 40, *TINY, "--set", "checkpoint_every=1"]
    process = start(*arguments)
    wait_for(process, lambda: newest(tmp_path / "run") >= 4)
    process.kill()
    process.communicate()
    assert 4 <= newest(tmp_path / "run") < 40
    assert run(*arguments, "--resume") == 0
    assert run("train", "digits", "--out", tmp_path / "whole", "--steps", 40, *TINY) == 0
    assert (tmp_path / "run/model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    """The same data, noise and weights up to the order in which gradients are summed."""
    from safetensors.torch import load_file

    arguments = ["--steps", 6, *TINY, "--set", "log_every=1"]
    torchrun = start(
        "--standalone", "--nproc-per-node", 2, "-m", "reverie", "train", "digits", "--out", tmp_path / "two", *arguments,
        module="torch.distributed.run",
    )  # fmt: skip
    _, errors = torchrun.communicate(timeout=180)
    assert torchrun.returncode == 0, errors
    assert run("train", "digits", "--out", tmp_path / "one", *arguments) == 0
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    largest = max(float((one[name] - two[name]).abs().max()) for name in one)
    assert 0 < largest < 2e-4
    assert run("train", "digits", "--out", tmp_path / "other", "--seed", 1, *arguments) == 0
    other = load_file(tmp_path / "other/model.safetensors")
    assert max(float((one[name] - other[name]).abs().max()) for name in one) > 100 * largest


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--engine", "ray"), "--engine says where processes run: say how many by --processes"),
        (("--processes", 2, "--address", "here:1"), "--address is of a cluster"),
        (("--processes", 0), "--processes"),
    ],
)
def test_processes_and_engines_that_do_not_go_together_are_refused(arguments, words, tmp_path: Path, capsys) -> None:
    assert run("train", "digits", "--out", tmp_path / "run", *arguments) == 2
    assert words in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_one_of_a_group_starts_no_other(tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    assert run("train", "digits", "--out", tmp_path / "run", "--processes", 2) == 2
    assert "torchrun has started 2 processes already: leave --processes out." in capsys.readouterr().err


def newest(run: Path) -> int:
    return max((int(p.name.removeprefix("step-")) for p in run.glob("checkpoints/step-*")), default=0)


def wait_for(process: subprocess.Popen, ready, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, "the process did not get that far"
        time.sleep(0.02)
