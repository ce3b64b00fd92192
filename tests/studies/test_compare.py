"""One noise through many samplers: errors fall with steps, calls are counted, and what draws noise is marked."""

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from reverie.cli.study import app
from reverie.denoisers import KnownSample
from reverie.errors import UsageError
from reverie.images import ImageCodec
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.studies import compare, reverse, subject
from reverie.studies.denoising import Denoising, cut_out, exact, grainy, oracle, photographs
from reverie.studies.figures import comparison_figure, picture_bytes


@pytest.fixture(scope="module")
def study():
    return compare(("ddim", "dpmpp", "heun", "angular", "ancestral"), (10, 20, 50), grainy(16, 16), seed=1)


def cells(study, name):
    return [cell for cell in study.cells if cell.sampler == name]


@pytest.mark.parametrize("name", ["ddim", "dpmpp", "heun", "angular"])
def test_the_error_of_a_solver_falls_with_its_steps(study, name):
    errors = [cell.error for cell in cells(study, name)]
    assert errors == sorted(errors, reverse=True) and errors[-1] < 0.3 * errors[0]
    assert study.own_error < errors[-1]


def test_second_order_is_nearer_than_first_at_as_many_calls(study):
    ddim, dpmpp = (cells(study, name)[-1] for name in ("ddim", "dpmpp"))
    assert ddim.calls == dpmpp.calls and dpmpp.error < 0.5 * ddim.error


def test_calls_are_those_of_the_denoiser(study):
    assert [cell.calls for cell in cells(study, "ddim")] == [10, 20, 50]
    assert [cell.calls for cell in cells(study, "heun")] == [19, 39, 99]
    assert study.reference.calls == 200


def test_what_draws_noise_has_no_rank_and_all_others_have_one(study):
    assert all(cell.stochastic == (cell.sampler == "ancestral") == (cell.rank is None) for cell in study.cells)
    ranked = sorted((cell for cell in study.cells if cell.rank), key=lambda cell: cell.rank)
    assert [cell.rank for cell in ranked] == list(range(1, 13))
    assert [cell.error for cell in ranked] == sorted(cell.error for cell in ranked)


def test_a_cell_ends_where_the_same_run_watched_step_by_step_ends(study):
    by = grainy(16, 16)
    for name in ("ddim", "ancestral"):
        run = reverse(steps=20, sampler=name, by=by, seed=1)
        cell = next(cell for cell in cells(study, name) if cell.steps == 20)
        assert np.array_equal(cell.image, run.final) and np.array_equal(study.start, run.views[0].state)


def test_one_known_picture_is_reached_by_every_solver_in_any_number_of_steps():
    process, codec = GaussianProcess(NoiseSchedule.cosine(100)), ImageCodec(4, 4, 1)
    x_0 = codec.encode(np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1) * 16)
    found = compare(("ddim", "dpmpp", "heun"), (1, 7), Denoising(KnownSample(process, x_0), codec, "x"), reference_steps=50)
    assert all(cell.error < 1e-5 for cell in found.cells) and found.own_error < 1e-5


def test_progress_and_cells_are_told_as_they_are_made():
    steps, told = [], []
    found = compare(
        ("ddim",), (2, 3), grainy(8, 8), reference_steps=4, on_step=lambda *n: steps.append(n), on_cell=told.append
    )
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [(cell.sampler, cell.steps, cell.error) for cell in told] == [(c.sampler, c.steps, c.error) for c in found.cells]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"samplers": ()}, "at least one sampler"),
        ({"steps": ()}, "at least one number of steps"),
        ({"samplers": ("ddim", "ddim")}, "twice"),
        ({"steps": (5, 5)}, "twice"),
        ({"samplers": ("dimm",)}, "did you mean 'ddim'"),
        ({"steps": (1001,)}, r"1\.\.1000 steps"),
        ({"reference_steps": 1}, "from 2 to 1000"),
        ({"reference_steps": 1001}, "from 2 to 1000"),
        ({"steps": [2, 30], "reference_steps": 20}, "20 steps, fewer than the 30 that are held to it"),
    ],
)
def test_impossible_comparisons_are_refused(arguments, sentence):
    with pytest.raises(UsageError, match=sentence):
        compare(by=grainy(8, 8), **arguments)


def test_the_command_prints_draws_and_answers_programs(tmp_path):
    told = ["compare", "--steps", "2,4", "--sampler", "heun", "--sampler", "dpmpp_sde", "--reference-steps", "20"]
    told += ["--width", "8", "--height", "8", "--out", str(tmp_path / "a.png")]
    result = CliRunner().invoke(app, told)
    assert result.exit_code == 0 and "draws noise" in result.stdout and "reference: dpmpp in 20 steps" in result.stdout
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    reply = json.loads(CliRunner().invoke(app, [*told, "--force", "--json"]).stdout)
    mine = compare(("heun", "dpmpp_sde"), (2, 4), grainy(8, 8), reference_steps=20).reply()
    assert [cell["error"] for cell in reply["cells"]] == [cell["error"] for cell in mine["cells"]]
    for wrong, words in ((["--steps", "2,x"], "whole numbers"), (["--model", "m", "--width", "8"], "a size of its own")):
        assert words in str(CliRunner().invoke(app, ["compare", *wrong]).exception)


def test_the_figure_is_the_same_for_the_same_comparison(study):
    assert picture_bytes(comparison_figure(study)) == picture_bytes(comparison_figure(study))


# --- who denoises -------------------------------------------------------------------------------------------------------


def test_an_oracle_knows_the_centre_of_its_picture_at_the_size_asked():
    found = subject("china")
    by = oracle(found, 32, 32)
    known = by.codec.decode(by.denoiser.x_0)[0]
    assert np.array_equal(known, cut_out(found.pixels, 32, 32)) and by.denoiser.evidence == "oracle"
    digit = oracle(subject("digits:3"), 16, 16)
    assert np.array_equal(digit.codec.decode(digit.denoiser.x_0)[0], subject("digits:3").pixels.repeat(2, 0).repeat(2, 1))
    assert oracle(subject("digits:3")).codec.shape == (1, 8, 8)


def test_grain_keeps_the_pictures_as_means_and_says_it_is_exact():
    by, bare = grainy(16, 16), exact(16, 16)
    assert by.denoiser.evidence == bare.denoiser.evidence == "exact" and "grain" in by.source
    assert torch.equal(by.denoiser.means, by.codec.encode(photographs(16, 16)))
