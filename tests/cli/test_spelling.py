"""Fields that stand in backquotes are options on the command line, which can be typed as they are shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from reverie.cli.app import main
from reverie.cli.spelling import spelled


@pytest.mark.parametrize(
    ("sentence", "typed"),
    [
        ("name it with `time`.", "name it with --time."),
        ("say so with `null_values=rel weight=-9`.", "say so with --null 'rel weight=-9'."),
        ("say `id=site` `id=subject`.", "say --id site --id subject."),
        ("with `long=what 'a value'`", "with --long what 'a value'"),
        ("`kinds=sex=real`: the column", "--kind sex=real: the column"),
        ("`settings=aside=0`", "--set aside=0"),
        ("a column called `odd thing`", "a column called `odd thing`"),
    ],
)
def test_a_field_in_backquotes_is_typed_as_its_option(sentence: str, typed: str) -> None:
    assert spelled(sentence) == typed


def test_a_fault_and_a_note_name_options_that_can_be_typed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "".join(f"{9 - k // 8},{['Na', 'K'][k % 2]},{k // 2},{k}.5\n" for k in range(40))
    (tmp_path / "labs.csv").write_text(f"person_id,what,day,found\n{rows}")
    with pytest.raises(SystemExit) as ended:
        main(["data", str(tmp_path / "labs.csv")])
    assert ended.value.code == 3 and "say so with --long what found, or" in capsys.readouterr().err
    weights = "".join(f"{k // 4},{k % 4},{-9 if k % 6 == 0 else 60 + k % 7}\n" for k in range(96))
    (tmp_path / "weights.csv").write_text(f"patient,month,weight\n{weights}")
    with pytest.raises(SystemExit):
        main(["data", str(tmp_path / "weights.csv")])
    assert "say so with --null weight=-9." in " ".join(capsys.readouterr().out.split())
