"""Sheets hold every picture unsmoothed, and what is saved is what is read back."""

import numpy as np
import pytest
from PIL import Image

from reverie.errors import DataError, UsageError
from reverie.images import contact_sheet, read_images, read_picture, save_images, save_picture

PIXELS = np.random.default_rng(3).integers(0, 256, (7, 8, 6, 3), dtype=np.uint8)


def test_a_sheet_holds_every_picture_pixel_by_pixel():
    sheet = np.asarray(contact_sheet(PIXELS, columns=3, scale=4, pad=2))
    assert sheet.shape == (3 * (32 + 2) + 2, 3 * (24 + 2) + 2, 3)
    for i, picture in enumerate(PIXELS):
        top, left = 2 + i // 3 * 34, 2 + i % 3 * 26
        cell = sheet[top : top + 32, left : left + 24]
        assert np.array_equal(cell, picture.repeat(4, 0).repeat(4, 1))
    assert (sheet[70:, 30:] == 255).all()  # the two empty places


def test_small_pictures_are_enlarged_to_be_seen_and_large_sheets_are_not():
    assert contact_sheet(np.zeros((1, 8, 8, 1), np.uint8)).size == (64 + 4, 64 + 4)
    assert contact_sheet(np.zeros((2, 100, 100, 1), np.uint8)).size == (2 * 102 + 2, 104)
    assert max(contact_sheet(np.zeros((4000, 8, 8, 1), np.uint8)).size) < 4500


@pytest.mark.parametrize("settings", [{"columns": 0}, {"scale": 0}, {"pad": -1}])
def test_impossible_sheets_are_refused(settings):
    with pytest.raises(UsageError, match="a sheet needs"):
        contact_sheet(PIXELS, **settings)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "folder"])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_saved_is_read_back(name, channels, tmp_path):
    pixels = PIXELS[..., :channels]
    assert np.array_equal(read_images(save_images(pixels, tmp_path / name)).pixels, pixels)


def test_labels_are_saved_beside_the_pictures(tmp_path):
    labels = np.arange(7) % 3
    assert np.array_equal(read_images(save_images(PIXELS, tmp_path / "a.npz", labels)).labels, labels)


def test_a_png_is_the_contact_sheet(tmp_path):
    save_images(PIXELS, tmp_path / "a.png")
    assert np.array_equal(read_picture(tmp_path / "a.png"), np.asarray(contact_sheet(PIXELS)))


def test_a_folder_keeps_foreign_files_and_drops_its_own_older_ones(tmp_path):
    save_images(PIXELS, tmp_path / "folder")
    (tmp_path / "folder" / "mine.txt").write_text("keep")
    save_images(PIXELS[:2], tmp_path / "folder")
    assert sorted(p.name for p in (tmp_path / "folder").iterdir()) == ["mine.txt", "sample-00000.png", "sample-00001.png"]


def test_the_same_pictures_give_the_same_bytes(tmp_path):
    for name in ("a.npz", "a.png"):
        first = save_images(PIXELS, tmp_path / name).read_bytes()
        assert save_images(PIXELS, tmp_path / name).read_bytes() == first


def test_a_picture_is_saved_whole(tmp_path):
    save_picture(PIXELS[0], tmp_path / "new" / "a.png")
    save_picture(Image.fromarray(PIXELS[0]), tmp_path / "new" / "b.png")
    assert np.array_equal(read_picture(tmp_path / "new" / "a.png"), PIXELS[0])
    assert np.array_equal(read_picture(tmp_path / "new" / "b.png"), PIXELS[0])
    assert len(list((tmp_path / "new").iterdir())) == 2


def test_other_suffixes_and_other_arrays_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"\.gif"):
        save_images(PIXELS, tmp_path / "a.gif")
    with pytest.raises(UsageError, match=r"name the output a\.png"):
        save_picture(PIXELS[0], tmp_path / "a.jpg")
    with pytest.raises(DataError, match="float64"):
        save_images(PIXELS.astype(float), tmp_path / "a.png")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        save_images(PIXELS, tmp_path / "file")
