"""The playground, asked as people ask: by a file of points, an example or a density."""

import json

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from reverie.cli.study import app
from reverie.operations.request import served
from reverie.operations.studies.playground import Playing

QUICK = ("--training-steps", "2", "--steps", "2", "--json")


def run(*words: str):
    return CliRunner().invoke(app, ["playground", *words])


def test_points_of_a_file_are_those_that_are_learned(tmp_path):
    file = tmp_path / "drawn.csv"
    file.write_text("x,y\n0.5,-1\n\n-0.25,2\n")
    reply = json.loads(run("--points", str(file), *QUICK).stdout)
    assert reply["points"] == [[0.5, -1.0], [-0.25, 2.0]] and reply["weights"] is None
    typed = json.loads(run("--points", "0.5,-1;-0.25,2", *QUICK).stdout)
    assert typed == reply
    painted = json.loads(run("--density", "0,2;1,0", *QUICK).stdout)
    assert painted["weights"] == [2.0, 1.0] and painted["points"] == [[1.25, 1.25], [-1.25, -1.25]]


def test_the_numbers_are_printed_beside_those_without_the_mistake():
    said = run("--shape", "rings", "--training-steps", "2", "--steps", "2", "--mistake", "9d").output
    assert "without the mistake" in said and "Random numbers stand" in said and "chance alone" in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "give something to learn: a --shape, --points or a --density."),
        (["--shape", "rings", "--points", "1,2"], "--shape and --points are two drawings: leave one out."),
        (
            ["--density", "1,2;3,4", "--spread", "0.1"],
            "have a width of their own: leave out --spread.",
        ),
        (["--shape", "ring"], "did you mean 'rings'"),
        (["--points", "1,2;3,y"], "row 2 has 'y' where a number should be: write numbers, with commas between."),
        (["--points", "nowhere.csv"], "there is no file nowhere.csv: give one."),
        (["--points", "1,7"], "row 1 is 1, 7: a coordinate is a number from -2.5 to 2.5."),
    ],
)
def test_what_cannot_be_learned_is_refused_in_a_sentence(words, sentence):
    error = run(*words).exception
    assert sentence in str(error)


def test_a_service_takes_a_thousand_points():
    points = [[0.0, 0.001 * i] for i in range(1001)]
    served(Playing).model_validate({"points": points[:1000]})
    with pytest.raises(ValidationError, match="at most 1000 items"):
        served(Playing).model_validate({"points": points})
