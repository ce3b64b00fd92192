"""Editing with a trained model: at no noise the picture, outside the hole every pixel, and back again after inversion."""

import numpy as np
import pytest
from PIL import Image

import reverie
from reverie.errors import DataError, UsageError
from reverie.images import read_images, save_images
from reverie.models.editing import fitted, hole_of, image_to_image, inpaint, interpolate, inverted
from reverie.studies.subject import photograph

DIGITS = read_images("digits").pixels
SMALL = {"width": 8, "groups": 4}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "digits"
    return reverie.train("digits", out, steps=20, settings=SMALL | {"batch": 32})


def test_from_no_noise_the_picture_comes_back(model):
    assert np.array_equal(image_to_image(model, DIGITS[3], 0.0, 2), np.repeat(DIGITS[3:4], 2, 0))


def test_the_higher_the_level_the_less_of_the_picture_stays(model):
    low, high = (np.abs(image_to_image(model, DIGITS[3], level, 4) - DIGITS[3].astype(int)).mean() for level in (0.1, 0.9))
    assert low < high
    with pytest.raises(UsageError, match=r"share of T in 0\.\.1"):
        image_to_image(model, DIGITS[3], 1.5)


def test_outside_the_hole_every_pixel_stays_and_a_seed_is_a_picture(model):
    hole = np.zeros((8, 8), bool)
    hole[2:6, 3:] = True
    first, again = (inpaint(model, DIGITS[3], hole, 3, seed=1, repeats=2, where=["class=3"]) for _ in range(2))
    assert np.array_equal(first, again)
    assert (first[:, ~hole] == DIGITS[3][~hole]).all()
    assert (first[0][hole] != first[1][hole]).any()
    with pytest.raises(DataError, match="a hole is bool"):
        inpaint(model, DIGITS[3], hole[:4])


def test_the_hole_is_where_the_mask_of_a_picture_of_any_shape_is_white(model):
    wide = np.zeros((40, 72, 3), np.uint8)
    wide[10:20, 16 + 15 : 16 + 30] = 255  # rows 2 and 3, columns 3 to 5 of the middle, which is cut to 8 x 8
    hole = np.zeros((8, 8), bool)
    hole[2:4, 3:6] = True
    assert np.array_equal(hole_of(model, wide, wide), hole)
    assert np.array_equal(fitted(model, wide)[:, :, 0] >= 128, hole)
    for shape in ((40, 40, 1), (72, 40, 1), (8, 8, 1)):
        given = f"the mask is {shape[1]} x {shape[0]} and the picture 72 x 40 pixels: give a mask of the picture's own size"
        with pytest.raises(DataError, match=given):
            hole_of(model, np.full(shape, 255, np.uint8), wide)


def test_inversion_gives_the_pictures_back(model):
    found = inverted(model, DIGITS[:3], steps=25)
    assert found.error < 0.1 and np.abs(found.pictures.astype(int) - DIGITS[:3]).max() <= 1
    assert found.noise.shape == (3, 1, 8, 8) and found.grid[-1] == 0
    assert found.residual.shape == (3,) and found.residual.max() <= found.tolerance and found.note is None


def test_where_a_step_is_not_solved_the_note_says_how_far_it_misses(model, monkeypatch):
    monkeypatch.setattr("reverie.models.editing.ITERATIONS", 2)
    found = inverted(model, DIGITS[:2], steps=4)
    assert found.residual.max() > found.tolerance
    assert found.note and f"misses by up to {found.residual.max():.2g}" in found.note
    assert f"differs by {found.error:.2g} grey levels" in found.note
    between = interpolate(model, found, 3)
    assert np.abs(between[[0, -1]].astype(int) - found.pictures).max() <= 1


def test_the_channels_are_the_models_own_whatever_picture_is_given(model, tmp_path):
    """A grey model stays grey where it is given colours, and a model of colours takes grey ones as colours."""
    colours = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 3), np.uint8)
    np.save(tmp_path / "colours.npy", colours)
    tinted = reverie.train(
        tmp_path / "colours.npy", tmp_path / "run", steps=1, settings={"width": 8, "groups": 4, "batch": 8}
    )
    china = photograph("china")
    for each, given, channels in ((model, china, 1), (tinted, DIGITS[3], 3)):
        picture = fitted(each, given)
        ends = np.stack([picture, fitted(each, china)])
        found = [
            picture[None],
            image_to_image(each, picture, 0.5, 1, steps=2),
            inpaint(each, picture, np.eye(8, dtype=bool), 1, repeats=1, steps=2),
            interpolate(each, ends, 2, steps=2),
        ]
        assert {pictures.shape[1:] for pictures in found} == {(8, 8, channels)}
        saved = Image.open(save_images(found[-1], tmp_path / f"{channels}.png"))
        assert saved.mode == ("L" if channels == 1 else "RGB")
    grey = fitted(tinted, DIGITS[3])
    assert (grey == DIGITS[3]).all()


def test_between_two_pictures_the_ends_are_the_pictures(model):
    found = interpolate(model, DIGITS[[3, 8]], 5, steps=25)
    assert np.abs(found[[0, -1]].astype(int) - DIGITS[[3, 8]]).max() <= 1
    assert len({picture.tobytes() for picture in found}) == 5
    with pytest.raises(UsageError, match="between two pictures"):
        interpolate(model, DIGITS[:3])
