"""`reverie serve`: refuses what is unsafe, tells where it is, and makes keys that are seen once."""

import json
import subprocess
import sys

import pytest

from reverie.service.keys import Caller, Keys


def test_it_needs_keys_for_other_machines(reverie, capsys, tmp_path):
    assert reverie("serve", "--host", "0.0.0.0", "--workspace", tmp_path / "new") == 2
    told = capsys.readouterr().err
    assert "API keys" in told
    assert "reverie serve key" in told
    assert not (tmp_path / "new").exists()


def test_a_key_is_shown_once_and_kept_as_a_digest(reverie, capsys, tmp_path):
    path = tmp_path / "keys.json"
    assert reverie("serve", "key", "alice", "--keys", path) == 0
    key = capsys.readouterr().out.strip()
    assert Keys(path).caller(key) == Caller("alice", "manage")
    assert key not in path.read_text()
    assert [entry["name"] for entry in json.loads(path.read_text())["keys"]] == ["alice"]
    assert reverie("serve", "key", "alice", "--keys", path) == 2
    assert "already" in capsys.readouterr().err
    assert reverie("serve", "key", "alice", "--keys", path, "--remove") == 0
    assert reverie("serve", "key", "alice", "--keys", path, "--remove") == 2
    assert reverie("serve", "key", "bob", "--keys", tmp_path / "none" / "keys.json") == 2


def test_a_port_that_is_taken_is_said_in_a_sentence(reverie, capsys, tmp_path):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert reverie("serve", "--port", taken.getsockname()[1], "--workspace", tmp_path) == 2
    told = capsys.readouterr().err
    assert "another program has it" in told
    assert "--port" in told


@pytest.mark.parametrize(
    ("name", "value"), [("REVERIE_QUEUE_SLOTS", "0"), ("REVERIE_READ_SECONDS", "soon"), ("REVERIE_PORT", "70000")]
)
def test_a_setting_that_cannot_be_used_is_named(reverie, capsys, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert reverie("serve") == 2
    assert name in capsys.readouterr().err


def test_a_workspace_that_cannot_be_is_named(reverie, capsys, tmp_path):
    (tmp_path / "file").touch()
    assert reverie("serve", "--port", "0", "--workspace", tmp_path / "file") == 2
    assert "cannot be the workspace" in capsys.readouterr().err


def test_help_imports_neither_torch_nor_the_service():
    code = "import sys, reverie.cli.serve, reverie.cli.app; print({'torch', 'fastapi', 'uvicorn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
