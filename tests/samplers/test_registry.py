"""A sampler is one class and one line of the list: command line, requests and comparisons then know it by its name."""

import math
from dataclasses import dataclass

import pytest
from pydantic import TypeAdapter, ValidationError

from reverie.cli import main
from reverie.errors import UsageError
from reverie.samplers import SAMPLERS, Sampler, named
from reverie.samplers.registry import Entry, SamplerName, compared, listed
from reverie.studies import compare
from reverie.studies.denoising import grainy


@dataclass(frozen=True)
class Euler(Sampler):
    """Euler's step of the probability flow in x / sqrt(alpha_bar): DDIM by another road."""

    gain: float = 1.0

    def step(self, now):
        rise = self.gain * (now.to.sigma / now.to.alpha - now.at.sigma / now.at.alpha)
        return now.to.alpha * (now.start / now.at.alpha + rise * now.prediction.noise)


@pytest.fixture(autouse=True)
def made_up(monkeypatch):
    monkeypatch.setitem(SAMPLERS, "euler", Entry(f"{__name__}:Euler", "a road to DDIM"))


def test_it_is_made_by_its_name_with_its_settings():
    assert named("euler") == Euler() and named("euler", gain=0.5) == Euler(0.5)
    entry = SAMPLERS["euler"]
    assert (entry.order, entry.stochastic, entry.calls, entry.settings) == (1, False, 1, {"gain": 1.0})
    with pytest.raises(UsageError, match="'gian': did you mean 'gain'"):
        named("euler", gian=1.0)


def test_requests_take_it_and_refuse_others():
    field = TypeAdapter(SamplerName)
    assert field.validate_python("euler") == "euler" and "euler" in field.json_schema()["enum"]
    with pytest.raises(ValidationError, match=r"unknown sampler 'eulr': did you mean 'euler'\? Known: .*euler"):
        field.validate_python("eulr")


def test_comparisons_take_it():
    cells = compare(["ddim", "euler"], [6], grainy(8, 8), reference_steps=20).cells
    assert math.isclose(cells[0].error, cells[1].error, rel_tol=1e-4) and cells[0].calls == cells[1].calls == 6
    assert "euler" not in compared() and "euler (a road to DDIM)" in listed()


def test_the_command_line_takes_it_and_names_it_where_another_is_unknown(capsys):
    size = ["--steps", "4", "--width", "8", "--height", "8", "--reference-steps", "20", "--json"]
    for name, code, words in (("euler", 0, '"sampler": "euler"'), ("eulerr", 2, "did you mean 'euler'")):
        with pytest.raises(SystemExit) as ended:
            main(["study", "compare", "--sampler", name, *size])
        said = capsys.readouterr()
        assert int(ended.value.code or 0) == code and words in said.out + said.err


@pytest.mark.parametrize(
    ("name", "order", "stochastic", "calls", "settings"),
    [
        ("ddim", 1, False, 1, {"eta": 0.0}),
        ("dpmpp", 2, False, 1, {"order": 2, "sde": False}),
        ("dpmpp_sde", 2, True, 1, {"order": 2}),
        ("heun", 2, False, 2, {}),
        ("angular", 2, False, 1, {}),
        ("dpmpp_3m", 3, False, 1, {}),
        ("unipc", 3, False, 1, {"solver_order": 2}),
        ("deis", 3, False, 1, {"order": 3}),
        ("edm", 2, True, 2, {"s_churn": 40.0, "s_tmin": 0.05, "s_tmax": 50.0, "s_noise": 1.0}),
        ("restart", 2, True, 2, {"times": 2, "low": 0.06, "reach": 5.0, "inner": None}),
        ("ancestral", 1, True, 1, {"variance": "beta_tilde"}),
        ("euler_ancestral", 1, True, 1, {}),
        ("consistency", 1, True, 1, {}),
    ],
)
def test_the_list_says_what_each_sampler_is(name, order, stochastic, calls, settings):
    entry = SAMPLERS[name]
    assert (entry.order, entry.stochastic, entry.calls, entry.settings) == (order, stochastic, calls, settings)


def test_a_setting_of_another_sampler_is_told_with_it():
    with pytest.raises(
        UsageError, match="'heun' has no setting 'eta', which is of ddim: leave `eta` out, or take `sampler=ddim`"
    ):
        named("heun", eta=0.5)
