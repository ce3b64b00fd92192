"""Sets of pictures are what their source holds, or are refused with one sentence."""

import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from reverie.errors import DataError, UsageError
from reverie.images import ImageCodec, ImageSet, read_images

PIXELS = np.random.default_rng(1).integers(0, 256, (6, 5, 5, 3), dtype=np.uint8)


def write(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(path, format="PNG")


def test_the_digits_are_those_of_scikit_learn():
    digits, bundled = read_images("digits"), load_digits()
    assert digits.pixels.shape == (1797, 8, 8, 1)
    assert np.array_equal(digits.pixels[..., 0], np.rint(bundled.images / 16 * 255))
    assert digits.pixels.min() == 0 and digits.pixels.max() == 255
    assert np.array_equal(digits.labels, bundled.target) and digits.classes == tuple("0123456789")


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path):
    for i in (3, 0, 2, 1):
        write(tmp_path / f"{i}.png", PIXELS[i])
    (tmp_path / ".hidden.png").write_bytes(b"rubbish")
    (tmp_path / "notes.txt").write_text("not a picture")
    found = read_images(tmp_path)
    assert np.array_equal(found.pixels, PIXELS[:4]) and found.labels is None and found.classes == ()
    assert np.array_equal(read_images(str(tmp_path)).pixels, found.pixels)


def test_sub_folders_are_classes(tmp_path):
    for i, place in enumerate(["cat/a.png", "cat/more/b.png", "dog/a.png"]):
        write(tmp_path / place, PIXELS[i])
    found = read_images(tmp_path)
    assert found.classes == ("cat", "dog") and found.labels.tolist() == [0, 0, 1] and found.labels.dtype == np.int64
    assert np.array_equal(found.pixels, PIXELS[:3])


def test_pictures_beside_and_inside_sub_folders_are_refused(tmp_path):
    write(tmp_path / "a.png", PIXELS[0])
    write(tmp_path / "cat/b.png", PIXELS[1])
    with pytest.raises(DataError, match=r"a\.png.*cat/b\.png"):
        read_images(tmp_path)


def test_mixed_sizes_are_refused_naming_both_and_the_remedy(tmp_path):
    write(tmp_path / "a.png", PIXELS[0])
    write(tmp_path / "b.png", PIXELS[1][:4])
    with pytest.raises(DataError, match=r"a\.png is 5 x 5 but .*b\.png is 5 x 4: .*size="):
        read_images(tmp_path)
    assert read_images(tmp_path, size=4).pixels.shape == (2, 4, 4, 3)


def test_grey_among_colour_becomes_colour(tmp_path):
    write(tmp_path / "a.png", PIXELS[0])
    write(tmp_path / "b.png", PIXELS[1][..., :1])
    found = read_images(tmp_path)
    assert np.array_equal(found.pixels[1], np.repeat(PIXELS[1][..., :1], 3, 2))
    assert read_images(tmp_path, channels=1).pixels.shape == (2, 5, 5, 1)


def test_an_empty_folder_and_a_missing_source_are_refused(tmp_path):
    with pytest.raises(DataError, match="holds no pictures"):
        read_images(tmp_path)
    with pytest.raises(DataError, match=r"digit does not exist: .*digits"):
        read_images("digit")


def test_a_damaged_picture_in_a_folder_is_named(tmp_path):
    write(tmp_path / "a.png", PIXELS[0])
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    with pytest.raises(DataError, match=r"b\.png is damaged"):
        read_images(tmp_path)


def test_one_picture_is_a_set_of_one(tmp_path):
    write(tmp_path / "a.png", PIXELS[0])
    assert np.array_equal(read_images(tmp_path / "a.png").pixels, PIXELS[:1])
    assert np.array_equal(read_images(PIXELS[0]).pixels, PIXELS[:1])


@pytest.mark.parametrize(
    "array",
    [
        PIXELS,
        PIXELS.transpose(0, 3, 1, 2),
        PIXELS.astype(np.float32) / 255,
        PIXELS.astype(np.float64) / 127.5 - 1,
        torch.from_numpy(PIXELS).permute(0, 3, 1, 2),
        ImageCodec(5, 5, 3).encode(PIXELS),
    ],
    ids=["NHWC", "NCHW", "0..1", "-1..1", "tensor", "encoded"],
)
def test_every_layout_and_scale_gives_the_same_set(array):
    assert np.array_equal(read_images(array).pixels, PIXELS)


def test_an_ambiguous_layout_is_numpys_or_torchs_own():
    array = np.random.default_rng(2).integers(0, 256, (2, 3, 4, 3), dtype=np.uint8)
    assert np.array_equal(read_images(array).pixels, array)
    assert np.array_equal(read_images(torch.from_numpy(array)).pixels, array.transpose(0, 2, 3, 1))


def test_grey_arrays_need_no_channel_axis():
    assert np.array_equal(read_images(PIXELS[..., 0]).pixels, PIXELS[..., :1])


def test_npy_and_npz_are_read(tmp_path):
    np.save(tmp_path / "a.npy", PIXELS)
    np.savez(tmp_path / "b.npz", x=PIXELS, y=np.array([7, 7, 3, 3, 7, 5], np.uint8))
    np.savez(tmp_path / "c.npz", PIXELS)
    np.savez(tmp_path / "d.npz", images=PIXELS, labels=np.array(list("baabab")))
    assert np.array_equal(read_images(tmp_path / "a.npy").pixels, PIXELS)
    found = read_images(tmp_path / "b.npz")
    assert np.array_equal(found.pixels, PIXELS)
    assert found.classes == ("3", "5", "7") and found.labels.tolist() == [2, 2, 0, 0, 2, 1]
    assert read_images(tmp_path / "c.npz").labels is None
    assert read_images(tmp_path / "d.npz").classes == ("a", "b")


def test_pickles_are_never_loaded(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"x": 1}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "b.npz", images=np.array([{"x": 1}], dtype=object))
    for name, sentence in (
        ("a.npy", "holds an array as objects of Python, a pickle"),
        ("b.npz", "holds images as objects of Python, a pickle"),
    ):
        with pytest.raises(DataError, match=f"{name} {sentence}"):
            read_images(tmp_path / name)


def test_broken_arrays_are_refused_by_name(tmp_path):
    np.save(tmp_path / "a.npy", PIXELS)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-10])
    whole = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "lies.npy").write_bytes(whole.replace(b"(6, 5, 5, 3), } ", b"(6, 5, 5, 3000),"))
    (tmp_path / "header.npy").write_bytes(whole.replace(b"(6, 5, 5, 3)", b"(6, 5, 5, 30"))
    (tmp_path / "text.npz").write_text("no archive")
    np.savez(tmp_path / "none.npz", other=np.zeros(3))
    np.savez(tmp_path / "short.npz", x=PIXELS, y=np.zeros(2, int))
    for name, sentence in {
        "cut.npy": "not a readable",
        "lies.npy": "not a readable",
        "header.npy": "not a readable",
        "text.npz": "not a readable",
        "none.npz": "no pictures",
        "short.npz": "y must be 6",
    }.items():
        with pytest.raises(DataError, match=rf"{name}.*{sentence}"):
            read_images(tmp_path / name)


def test_an_archive_that_unpacks_to_too_much_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr("reverie.images.arrays.MAX_BYTES", 100_000)
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", b"\0" * 200_000)
    with pytest.raises(DataError, match=r"bomb\.npz unpacks to 200,000 bytes"):
        read_images(tmp_path / "bomb.npz")


def test_not_a_number_in_a_set_is_refused():
    array = PIXELS.astype(np.float32) / 255
    array[3, 1, 1, 0] = np.nan
    with pytest.raises(DataError, match="the array holds 1 values that are not finite"):
        read_images(array)


@pytest.mark.parametrize("shape", [(4,), (2, 5, 5, 2), (2, 3, 4, 5, 3)])
def test_shapes_that_hold_no_pictures_are_refused(shape):
    with pytest.raises(DataError, match="pictures are"):
        read_images(np.zeros(shape, np.uint8))


def test_size_takes_the_centre_square():
    wide = np.zeros((1, 4, 8, 1), np.uint8)
    wide[:, :, 2:6] = 200
    assert (read_images(wide, size=4).pixels == 200).all()
    assert (read_images(wide, size=2).pixels == 200).all()
    for size in (0, -1, 2.0, True, 5000):
        with pytest.raises(UsageError, match="size must be"):
            read_images(wide, size=size)


def test_the_fingerprint_tells_data_apart():
    labels = np.array([0, 1, 0, 1, 0, 1])
    prints = [
        ImageSet(PIXELS).fingerprint,
        ImageSet(PIXELS.reshape(6, 25, 1, 3)).fingerprint,
        ImageSet(PIXELS, labels, ("a", "b")).fingerprint,
        ImageSet(PIXELS, 1 - labels, ("a", "b")).fingerprint,
        ImageSet(PIXELS ^ (np.arange(6) == 5).astype(np.uint8).reshape(-1, 1, 1, 1)).fingerprint,
    ]
    assert len(set(prints)) == len(prints)
    assert ImageSet(PIXELS.copy(), labels.copy(), ("a", "b"), "elsewhere").fingerprint == prints[2]
    assert len(prints[0]) == 64


@pytest.mark.parametrize(
    ("labels", "classes"), [(np.zeros(3, np.int64), ("a",)), (np.full(6, 2), ("a", "b")), (np.zeros(6, np.int32), ("a",))]
)
def test_labels_that_do_not_fit_are_refused(labels, classes):
    with pytest.raises(DataError, match="label"):
        ImageSet(PIXELS, labels, classes)
