"""`reverie prove` prints what the library measures, and its exit code is the verdict."""

import json

import pytest
import typer
from typer.testing import CliRunner

from reverie import operations
from reverie.cli.derive import command
from reverie.errors import UsageError
from reverie.operations.studies.proofs import Proofs
from reverie.studies import mistakes, proofs
from reverie.studies.mistakes import Mistake
from reverie.studies.proofs import Check

app = typer.Typer()
app.command()(command(operations.find("proofs")))

GOOD = Check("mean/result", "one side | the other", 3.5e-13, 1e-11)
BAD = Check("mean/wrong", "one side | the other", float("nan"), 1e-11)
SHOWN = Mistake("7", "guide", "the wrong form", "the right form", "std 0.966 for 0.472", {"wrong": 0.966}, True)
NOT_SHOWN = Mistake("8", "guide", "the wrong form", "the right form", "none", {}, False)


def run(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def test_real_proofs_hold_and_exit_with_0(monkeypatch):
    real = proofs.prove
    # tests/studies runs every law, tests/docs the whole command
    monkeypatch.setattr(proofs, "prove", lambda chapter: real(chapter) if chapter == "mean" else [])
    result = run("--json")
    checks = json.loads(result.stdout)
    assert result.exit_code == 0
    assert all(c["passed"] and c["largest_error"] <= c["tolerance"] for c in checks)
    assert {"name", "compared", "largest_error", "tolerance", "passed"} == set(checks[0])


def test_the_real_mistakes_are_shown_and_exit_with_0():
    result = run("--mistakes", "--json")
    rows = json.loads(result.stdout)
    assert result.exit_code == 0
    assert all(m["shown"] for m in rows)
    assert {"number", "where", "wrong", "right", "damage", "numbers", "shown"} == set(rows[0])


def test_the_table_has_name_comparison_error_and_verdict(monkeypatch):
    monkeypatch.setattr(proofs, "prove", lambda chapter: [GOOD] if chapter == "mean" else [])
    result = run()
    assert result.exit_code == 0
    for text in ("mean/result", "one side | the other", "3.5e-13", "holds", "1 of 1 hold."):
        assert text in result.stdout


def test_one_failing_identity_fails_the_command_after_the_table(monkeypatch):
    monkeypatch.setattr(proofs, "prove", lambda chapter: [GOOD, BAD] if chapter == "mean" else [])
    result = run()
    assert result.exit_code == 1
    assert "FAILS" in result.stdout
    assert "1 of 2 hold." in result.stdout


def test_json_of_a_failure_is_strict_and_still_fails(monkeypatch):
    monkeypatch.setattr(proofs, "prove", lambda chapter: [BAD] if chapter == "mean" else [])
    result = run("--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)[0]["largest_error"] is None


@pytest.mark.parametrize(("rows", "code", "verdict"), [([SHOWN], 0, "shown"), ([SHOWN, NOT_SHOWN], 1, "NOT SHOWN")])
def test_a_mistake_that_is_not_shown_fails_the_command(monkeypatch, rows, code, verdict):
    monkeypatch.setattr(mistakes, "mistakes", lambda step: rows)
    result = run("--mistakes")
    assert result.exit_code == code
    assert verdict in result.stdout
    assert "std 0.966 for 0.472" in result.stdout


def test_chapters_are_not_left_out_silently_beside_mistakes():
    result = run("--mistakes", "--chapter", "mean")
    assert isinstance(result.exception, UsageError) and "leave one of them out" in str(result.exception)


def test_the_help_names_every_chapter():
    told = Proofs.model_fields["chapters"].description
    assert told is not None and set(told.partition(";")[0].split(", ")) == {chapter.name for chapter in proofs.CHAPTERS}
