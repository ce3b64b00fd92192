"""Editing with a trained model: at no noise the picture, outside the hole every pixel, and back again after inversion."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import reverie
from reverie.errors import DataError, UsageError
from reverie.images import ImageCodec, read_images, save_images
from reverie.models.editing import (
    deblur,
    fitted,
    hole_of,
    image_to_image,
    inpaint,
    inpaint_whole,
    interpolate,
    inverted,
    upscale,
)
from reverie.models.restoring import restored
from reverie.samplers.posterior import METHODS, Mask, blur
from reverie.studies.subject import photograph, subject

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
    with pytest.raises(UsageError, match="count is a whole number from 1 to 64, made together, not 0"):
        inpaint(model, DIGITS[3], hole, count=0)


def test_known_pixels_stay_by_every_method_and_repeats_mean_repaint(model):
    hole = np.eye(8, dtype=bool)
    for method in (name for name in METHODS if not METHODS[name].shared):
        made = inpaint(model, DIGITS[3], hole, 1, seed=1, steps=2, method=method)
        assert (made[:, ~hole] == DIGITS[3][~hole]).all()
    twice = inpaint(model, DIGITS[3], hole, 2, repeats=2)
    assert np.array_equal(twice, inpaint(model, DIGITS[3], hole, 2, repeats=2, method="repaint", steps=12))
    with pytest.raises(UsageError, match="`repeats` is of repaint, and dps does no step again"):
        inpaint(model, DIGITS[3], hole, repeats=2, method="dps")
    with pytest.raises(UsageError, match="DPS has steps of its own, so it takes no sampler"):
        inpaint(model, DIGITS[3], hole, method="dps", sampler="ddim")


def test_a_grey_part_of_a_soft_hole_is_kept_the_nearer_the_darker_it_is(model):
    errors = []
    for grey in (0.0, 0.05, 0.5):
        hole = np.full((8, 8), grey)
        hole[:, 4:] = 1.0
        made = inpaint(model, DIGITS[3], hole, 4, steps=6, method="pigdm")
        errors.append(np.abs(made[:, :, :4].astype(int) - DIGITS[3][None, :, :4]).mean())
    assert errors[0] == 0 < errors[1] < errors[2]
    with pytest.raises(DataError, match=r"a soft hole lies in 0\.\.1"):
        inpaint(model, DIGITS[3], hole * 2)


def test_a_hole_is_filled_in_the_picture_at_its_own_size(model):
    china = photograph("china")[:64, :100, :1]
    mask = np.zeros((64, 100, 1), np.uint8)
    mask[20:30, 70:95] = 255
    made, hole = inpaint_whole(model, china, mask, 2, steps=3)
    assert made.shape == (2, 64, 100, 1) and hole.sum() == 250
    assert (made[:, ~hole] == china[~hole]).all() and (made[0][hole] != china[hole]).any()
    mask[:, :80] = 255
    with pytest.raises(UsageError, match="the hole is 95 pixels wide, and the model sees 64 of this picture at once"):
        inpaint_whole(model, china, mask)
    with pytest.raises(DataError, match="give a mask of the picture's own size"):
        inpaint_whole(model, china, mask[:10])


def test_what_is_upscaled_and_sharpened_has_the_given_as_its_copy(model):
    small = DIGITS[3].reshape(4, 2, 4, 2, 1).mean((1, 3)).round().astype(np.uint8)
    large, free = upscale(model, small, 2, 8, steps=12), model.sample(8, steps=12)
    assert large.shape == (8, 8, 8, 1)
    away, chance = (np.abs(of.reshape(8, 4, 2, 4, 2, 1).mean((2, 4)) - small).mean() for of in (large, free))
    assert away < 0.5 * chance  # the model was trained for a moment
    x = torch.from_numpy(deblur(model, DIGITS[3], 0.7, 8, steps=12).astype(np.float64).transpose(0, 3, 1, 2))
    blurred = np.abs(blur((8, 8), 0.7)(x).numpy()[:, 0] - DIGITS[3][:, :, 0]).mean()
    assert blurred < 0.5 * np.abs(free[..., 0] - DIGITS[3][:, :, 0].astype(int)).mean()
    with pytest.raises(UsageError, match="8 entries cannot be taken 3 at a time"):
        upscale(model, small, 3)
    with pytest.raises(UsageError, match="above 0 grey levels, not 0"):
        deblur(model, DIGITS[3], 1.0, noise=0)


def test_a_model_of_16_bits_sees_and_gives_back_all_of_them(tmp_path):
    """The middle of a picture at its own size is filled; a small copy is met in levels of 65535, not of 255."""
    deep = np.random.default_rng(0).integers(20_000, 50_000, (8, 8, 8, 1)).astype(np.uint16)
    np.save(tmp_path / "deep.npy", deep)
    settings = {"width": 8, "groups": 4, "batch": 8}
    model = reverie.train(tmp_path / "deep.npy", tmp_path / "run", steps=1, settings=settings, bits=16)
    assert model.codec.bits == 16
    mask = np.zeros((8, 8, 1), np.uint8)
    mask[2:4, 2:4] = 255
    made, hole = inpaint_whole(model, deep[0], mask, 1, steps=2, method="diffpir")
    assert made.dtype == np.uint16 and (made[:, ~hole] == deep[0][~hole]).all() and (made[0][hole] != deep[0][hole]).any()
    even = np.full((4, 4, 1), 40_000, np.uint16)
    large = upscale(model, even, 2, 4, steps=8, noise=0.5, method="diffpir").reshape(4, 4, 2, 4, 2).mean((2, 4))
    assert np.abs(large - 40_000).mean() < 4_000


def test_the_hole_is_where_the_mask_of_a_picture_of_any_shape_is_white(model):
    wide = np.zeros((40, 72, 3), np.uint8)
    wide[10:20, 16 + 15 : 16 + 30] = 255  # rows 2 and 3, columns 3 to 5 of the middle, which is cut to 8 x 8
    hole = np.zeros((8, 8), bool)
    hole[2:4, 3:6] = True
    assert np.array_equal(hole_of(model, wide, wide), hole)
    for marked in (
        wide > 0,
        wide[:, :, 0] > 0,
        (wide > 0).astype(np.int64),
        wide[:, :, 0] / 255,
        (wide > 0).astype(np.uint16),
    ):
        assert np.array_equal(hole_of(model, marked, wide), hole)
    assert np.array_equal(fitted(model, wide)[:, :, 0] >= 128, hole)
    for shape in ((40, 40, 1), (72, 40, 1), (8, 8, 1)):
        given = f"the mask is {shape[1]} x {shape[0]} and the picture 72 x 40 pixels: give a mask of the picture's own size"
        with pytest.raises(DataError, match=given):
            hole_of(model, np.full(shape, 255, np.uint8), wide)
    opaque = np.concatenate([(wide > 0).astype(np.uint8), np.full_like(wide[:, :, :1], 255)], 2)
    assert np.array_equal(hole_of(model, opaque, wide), hole)
    with pytest.raises(DataError, match=r"the mask is transparent in parts, .*: paint it white where new pixels are to be"):
        hole_of(model, np.concatenate([wide, wide[:, :, :1]], 2), wide)


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


def test_a_picture_and_its_mask_are_brought_to_size_as_those_of_training_were(model):
    wide = np.repeat(DIGITS[3], 2, 1)
    source = model.config.source.model_copy(update={"fit": "pad", "pad": "#ffffff"})
    padded = replace(model, config=model.config.model_copy(update={"source": source}))
    assert np.array_equal(fitted(padded, wide), read_images(wide[None], 8, 1, "pad").pixels[0])
    assert (fitted(padded, wide)[:2] == 255).all() and not np.array_equal(fitted(padded, wide), fitted(model, wide))
    hole = hole_of(padded, np.full((8, 16, 1), 255, np.uint8), wide)
    assert hole[2:6].all() and not hole[:2].any() and not hole[6:].any()  # what is around the picture is no part of it


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda m: inpaint(m, DIGITS[3], np.eye(8) > 0, 65), "from 1 to 64, made together, not 65: ask again for more"),
        (lambda m: inpaint(m, DIGITS[3], np.eye(8) > 0, 1.5), "count is a whole number"),
        (lambda m: image_to_image(m, DIGITS[3].tolist(), 0.5), "a picture is an array .* not of type list"),
        (lambda m: image_to_image(m, DIGITS[3], "half"), "share of T in 0..1, not half"),
        (lambda m: deblur(m, DIGITS[3], 1e9), "above 0 and at most 10000 entries, not 1000000000"),
        (lambda m: restored(m, DIGITS[3], Mask(torch.ones(8, 8) > 0)), "give a Separable of two"),
        (lambda m: reverie.load(None), "a run is named by its folder, a text or a path, not None"),
    ],
)
def test_what_cannot_be_edited_is_one_sentence(model, ask, words):
    with pytest.raises(UsageError, match=words):
        ask(model)


def test_numbers_and_pictures_are_taken_however_a_program_holds_them(model):
    plain = image_to_image(model, DIGITS[3], 0.5, 2, steps=2)
    assert np.array_equal(image_to_image(model, torch.from_numpy(DIGITS[3]), 0.5, np.int64(2), steps=np.int64(2)), plain)
    assert np.array_equal(model.sample(np.int64(2), steps=np.int64(2)), model.sample(2, steps=2))


@pytest.mark.parametrize("bits", [8, 16])
def test_a_picture_of_many_channels_is_read_for_a_model_of_as_many(bits, tmp_path):
    bands = np.random.default_rng(0).integers(0, 2**bits, (8, 8, 6)).astype(f"uint{bits}")
    np.save(tmp_path / "bands.npy", bands)
    codec = ImageCodec(8, 8, 6, bits=bits)
    assert np.array_equal(subject(tmp_path / "bands.npy", **codec.reading).pixels, bands)
    with pytest.raises(UsageError, match="channels must be"):
        subject("digits:3", **codec.reading)
