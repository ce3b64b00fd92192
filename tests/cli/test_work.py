"""`reverie work`: joins a server's workspace, and no other folder."""

from __future__ import annotations

import pytest

from reverie.cli import main


def test_a_folder_that_no_server_works_in_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["work", "--workspace", str(tmp_path)])
    assert ended.value.code == 2
    assert "reverie serve --workspace" in capsys.readouterr().err


def test_a_queue_that_is_no_database_is_refused_with_an_address_that_is(tmp_path, capsys):
    (tmp_path / ".reverie").mkdir()
    with pytest.raises(SystemExit) as ended:
        main(["work", "--workspace", str(tmp_path), "--queue-url", "redis://someone:secret@localhost:6379/0"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "postgresql://" in said and "secret" not in said
