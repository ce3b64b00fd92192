"""Each known mistake fails when run, with the damage that the text gives, and has its section in the text."""

import re
from pathlib import Path

import pytest

from reverie.studies.mistakes import Mistake, mistakes

DOCUMENT = Path(__file__).parents[2] / "docs" / "mistakes.md"
NUMBER = r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?"


@pytest.fixture(scope="module")
def found() -> dict[str, Mistake]:
    return {m.number: m for m in mistakes()}


@pytest.fixture(scope="module")
def sections() -> dict[str, str]:
    parts = re.split(r"^### (\d+[a-z]?)\. .*$", DOCUMENT.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_mistake_is_shown(found):
    assert [m.number for m in found.values() if not m.shown] == []


def test_all_sixteen_are_there(found):
    assert {int(re.match(r"\d+", number)[0]) for number in found} == set(range(1, 17))


def test_every_mistake_has_its_section_and_every_section_its_mistake(found, sections):
    assert list(sections) == list(found)


def test_sections_give_the_forms_of_the_table(found, sections):
    for number, m in found.items():
        assert f"**Wrong:** `{m.wrong}`" in sections[number], number
        assert f"**Right:** `{m.right}`" in sections[number], number


def test_sections_give_the_damage_that_is_measured(found, sections):
    for number, m in found.items():
        (told,) = re.findall(r"\*\*Measured:\*\* (.*)", sections[number])
        assert re.sub(NUMBER, "#", told) == re.sub(NUMBER, "#", m.damage), number
        given, measured = ([float(n) for n in re.findall(NUMBER, text)] for text in (told, m.damage))
        assert measured == pytest.approx(given, rel=0.05, abs=0.006), number


@pytest.mark.parametrize(
    ("number", "name", "given", "half_a_digit"),
    [
        ("1", "error at 251", 0.34, 0.005),
        ("1", "error at 1000", 204, 0.5),
        ("2", "beta_1", 0.01, 0.0005),
        ("2", "beta_T", 0.141, 0.0005),
        ("2", "abar_T", 3e-44, 0.5e-44),
        ("2", "gone", 168, 0),
        ("7", "wrong", 0.966, 0.0005),
        ("7", "right", 0.472, 0.0005),
        ("8a", "wrong", 1.99, 0.02),  # a draw; 2 in expectation
        ("9a", "wrong", 0.017, 0.0005),
        ("9a", "right", 0.319, 0.0005),
        ("11b", "wrong", 0.0096, 0.001),  # a draw; close to sqrt(beta_1)
        ("11b", "sqrt beta_1", 0.01, 1e-9),
        ("12a", "weight at 1", 7e-4, 0.5e-4),
        ("12a", "weight at 500", 77, 0.5),
        ("12b", "abar_T", 0.079, 0.0005),
        ("16a", "missed", 9, 0),
    ],
)
def test_damage_is_what_was_known(found, number, name, given, half_a_digit):
    assert found[number].numbers[name] == pytest.approx(given, abs=half_a_digit)


def test_the_noise_on_top_doubles_the_variance(found):
    assert found["5a"].numbers["wrong"] == pytest.approx(2, abs=1e-12)
    assert found["5a"].numbers["right"] == pytest.approx(1, abs=1e-12)


def test_rejection_lies_in_the_range_that_was_reported(found):
    assert 0.31 < found["13b"].numbers["rejected"] < 0.59


def test_a_right_form_that_fails_is_not_shown(monkeypatch):
    from reverie.process.prediction import Prediction
    from reverie.studies.mistakes.derivations import course

    monkeypatch.setattr(Prediction, "noise", property(lambda self: self.mix(noise=1.1)))
    assert [run().shown for run in course.entries] == [False]
