"""`reverie work`: joins a server's workspace, and no other folder."""

from __future__ import annotations

import pytest

from reverie.cli import main


def test_a_folder_that_no_server_works_in_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["work", "--workspace", str(tmp_path)])
    assert ended.value.code == 2
    assert "reverie serve --workspace" in capsys.readouterr().err
