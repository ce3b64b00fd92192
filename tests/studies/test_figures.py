"""Figures show what they say they show: labels, units, every frame, no blur of small pictures."""

import io

import numpy as np
import pytest
from PIL import Image

from reverie.drawing import Canvas, png, sheet
from reverie.errors import UsageError
from reverie.process import NoiseSchedule
from reverie.studies import analyse, forward, reverse, walk
from reverie.studies.figures import (
    filmstrip,
    picture_bytes,
    reverse_strip,
    save_figure,
    schedule_figure,
    walk_pair,
    walk_panels,
)


def drawn(figure):
    """The figure's pixels; fails if it is blank, or if anything runs to its very edge and may be cut."""
    pixels = np.asarray(Image.open(io.BytesIO(picture_bytes(figure))).convert("L"))
    assert pixels.std() > 10
    assert (pixels[0] == 255).all() and (pixels[-1] == 255).all() and (pixels[:, 0] == 255).all()
    return pixels


def texts(figure):
    return "\n".join(shape.words for shape in sheet(figure).shapes if shape.kind == "text")


def images(figure):
    return [shape.pixels for shape in sheet(figure).shapes if shape.kind == "image"]


def test_a_schedule_figure_has_four_labelled_panels_and_a_key():
    figure = schedule_figure({"linear": NoiseSchedule.linear(), "cosine": NoiseSchedule.cosine(500)})
    drawn(figure)
    assert len(figure["panels"]) == 4 and texts(figure).count("step t") == 4
    for panel in figure["panels"]:
        assert list(panel["series"]) == ["linear (T = 1000)", "cosine (T = 500)"] and panel["title"] in texts(figure)
    curves = [shape.css for shape in sheet(figure).shapes if shape.kind == "path"]
    assert curves == ["stroke c0", "stroke c1 d1"] * 4  # apart by colour and by dash
    assert "linear (T = 1000)\ncosine (T = 500)" in texts(figure)
    cosine = figure["panels"][1]["series"]["cosine (T = 500)"]
    assert cosine["x"] == [*range(501)]
    np.testing.assert_array_equal(cosine["y"], NoiseSchedule.cosine(500).alpha_bar)


def test_a_schedule_without_terminal_signal_can_be_drawn():
    drawn(schedule_figure({"zero": NoiseSchedule.linear().with_zero_terminal_snr()}))
    with pytest.raises(UsageError, match="at least one schedule"):
        schedule_figure({})


@pytest.mark.parametrize("steps", [5, 20, 33])
def test_a_filmstrip_shows_every_frame_with_its_numbers(steps):
    study = analyse("digits:3", steps)
    figure = filmstrip(study)
    drawn(figure)
    assert len(images(figure)) == steps
    for frame, pixels in zip(study.frames, images(figure), strict=True):
        assert np.array_equal(pixels, frame.pixels)
        assert f"t = {frame.t}\n" in texts(figure)
        assert frame.snr_db is None or f"{frame.snr_db:.1f} dB" in texts(figure)


@pytest.mark.parametrize("shape", [(40, 300, 3), (300, 40, 3), (1, 1, 1)])
def test_pictures_of_any_proportions_fit(shape):
    picture = np.random.default_rng(0).integers(0, 200, shape, dtype=np.uint8)
    drawn(filmstrip(forward(picture, [0, 10, 1000])))
    drawn(walk_panels(walk(picture, 10)))


def test_the_walks_figures_have_two_and_four_panels_and_call_it_an_oracle():
    study = walk("digits:3", 50)
    pair, panels = walk_pair(study), walk_panels(study)
    drawn(pair)
    drawn(panels)
    assert len(images(pair)) == 2 and len(images(panels)) == 4
    original, start, end, _ = images(panels)
    assert np.array_equal(original, end) and not np.array_equal(original, start)
    assert "t = 50" in texts(panels) and "t = 0" in texts(panels) and "oracle" in texts(panels)


def test_the_reverse_strip_pairs_states_with_predictions_and_wears_its_badge():
    study = reverse(16, 16, steps=10, views=4)
    figure = reverse_strip(study)
    drawn(figure)
    shown = images(figure)
    assert len(shown) == 4 + 3  # the last state has no prediction
    assert np.array_equal(shown[0], study.views[0].state)
    assert "exact: the optimal" in texts(figure) and "final, t = 0" in texts(figure) and "state" in texts(figure)


def test_a_small_picture_is_drawn_in_squares_of_its_own_colours_and_a_large_one_is_made_smaller():
    canvas = Canvas(40, 40)
    canvas.image(0, 0, 40, 40, np.array([[[0], [90]], [[180], [255]]], np.uint8))
    pixels = np.asarray(Image.open(io.BytesIO(png(canvas, 1.0))).convert("L"))
    assert [set(part.ravel()) for part in (pixels[:20, :20], pixels[:20, 20:], pixels[20:, :20])] == [{0}, {90}, {180}]
    canvas.image(0, 0, 40, 40, np.tile(np.array([0, 255], np.uint8)[:, None], (200, 100, 1)))
    assert np.asarray(Image.open(io.BytesIO(png(canvas, 1.0))).convert("L")).mean() == pytest.approx(127.5, abs=2)
    assert canvas.svg().count('href="data:image/png;base64,') == 2


def test_a_very_long_name_fits(tmp_path):
    path = tmp_path / "a$b_{c$ and a very long name that goes on and on and on.png"
    Image.new("L", (4, 4)).save(path)
    drawn(filmstrip(analyse(path, 5)))


def test_a_figure_is_the_same_bytes_every_time_and_is_saved_whole(tmp_path):
    content = picture_bytes(walk_pair(walk()))
    assert content == picture_bytes(walk_pair(walk()))
    assert save_figure(walk_pair(walk()), tmp_path / "new" / "a.png").read_bytes() == content
    with pytest.raises(UsageError, match=r"name the output a\.png"):
        save_figure(walk_pair(walk()), tmp_path / "a.svg")
