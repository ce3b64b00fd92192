"""IDX and Parquet files, sizes, the cache, animations: what comes out is what was put in, or one sentence says why not."""

import gzip
import io
import os
import struct

import numpy as np
import polars as pl
import pytest
from PIL import Image

from reverie.errors import DataError, UsageError
from reverie.images import gather, read_images, save_animation, side_by_side
from reverie.sources import is_table

PIXELS = np.random.default_rng(1).integers(0, 256, (6, 5, 7), dtype=np.uint8)
LABELS = np.array([3, 1, 3, 0, 1, 3], np.uint8)


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_set(folder, name="train", suffix="", pixels=PIXELS, labels=LABELS):
    pack = gzip.compress if suffix else bytes
    (folder / f"{name}-images-idx3-ubyte{suffix}").write_bytes(pack(idx(pixels)))
    (folder / f"{name}-labels-idx1-ubyte{suffix}").write_bytes(pack(idx(labels)))
    return folder / f"{name}-images-idx3-ubyte{suffix}"


def encoded(pixels: np.ndarray, format: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=format)
    return buffer.getvalue()


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_an_idx_file_is_read_with_the_labels_beside_it(tmp_path, suffix):
    found = read_images(write_set(tmp_path, suffix=suffix))
    assert np.array_equal(found.pixels[..., 0], PIXELS)
    assert found.classes == ("0", "1", "3") and found.labels.tolist() == [2, 1, 2, 0, 1, 2]


def test_a_folder_of_idx_files_is_its_training_set(tmp_path):
    write_set(tmp_path, "t10k", pixels=PIXELS[:2], labels=LABELS[:2])
    write_set(tmp_path, "train", ".gz")
    assert len(read_images(tmp_path)) == 6
    assert len(read_images(tmp_path / "t10k-images-idx3-ubyte")) == 2


def test_numbered_classes_can_be_given_names(tmp_path):
    file = write_set(tmp_path)
    assert read_images(file, classes=("shirt", "shoe", "bag")).classes == ("shirt", "shoe", "bag")
    with pytest.raises(UsageError, match="has 3 classes, so they cannot be given the 2 names"):
        read_images(file, classes=("shirt", "shoe"))
    with pytest.raises(UsageError, match="no classes"):
        read_images(PIXELS, classes=("a",))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not an IDX file"),
        (b"\x89PNG\r\n", "not an IDX file"),
        (idx(PIXELS)[:-5], "cut short"),
        (idx(PIXELS) + b"x", "holds more"),
        (idx(PIXELS)[:9], "cut short"),
        (idx(np.zeros((0, 3, 3), np.uint8)), "cut short"),
        (bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**31, 2**10, 2**10), "more than the"),
        (idx(LABELS), "holds labels, not pictures"),
    ],
)
def test_a_broken_idx_file_is_one_sentence(tmp_path, content, sentence):
    for name, data in (("a-images-idx3-ubyte", content), ("b-images-idx3-ubyte.gz", gzip.compress(content))):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DataError, match=sentence):
            read_images(tmp_path / name)


def test_a_gzip_that_is_cut_and_labels_that_do_not_fit_are_one_sentence(tmp_path):
    file = write_set(tmp_path, suffix=".gz")
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(DataError, match="damaged or cut short"):
        read_images(file)
    with pytest.raises(DataError, match="holds 2 labels for the 6 pictures"):
        read_images(write_set(tmp_path, "other", labels=LABELS[:2]))


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("words", [False, True])
def test_a_parquet_of_picture_bytes_is_pictures(tmp_path, nested, words):
    contents = [encoded(picture) for picture in PIXELS]
    column = [{"bytes": c, "path": "x.png"} for c in contents] if nested else contents
    labels = [f"class {label}" for label in LABELS] if words else LABELS.tolist()
    file = tmp_path / "train-0.parquet"
    pl.DataFrame({"id": range(6), "image": column, "label": labels}).write_parquet(file)
    assert not is_table(file)
    for source in (file, tmp_path):
        found = read_images(source)
        assert np.array_equal(found.pixels[..., 0], PIXELS) and len(found) == 6
        assert found.labels.tolist() == [2, 1, 2, 0, 1, 2] and found.classes[2] == ("class 3" if words else "3")


def test_a_parquet_of_numbers_is_a_table_and_no_picture(tmp_path):
    file = tmp_path / "visits.parquet"
    pl.DataFrame({"id": [1, 2], "age": [3, 4]}).write_parquet(file)
    assert is_table(file)
    with pytest.raises(DataError, match="no column of bytes, only id, age"):
        read_images(file)


def test_a_bad_row_or_a_damaged_parquet_is_named(tmp_path):
    file = tmp_path / "a.parquet"
    pl.DataFrame({"image": [encoded(PIXELS[0]), b"rubbish"]}).write_parquet(file)
    with pytest.raises(DataError, match=r"a\.parquet, row 2 of the column 'image',"):
        read_images(file)
    pl.DataFrame({"image": [encoded(PIXELS[0]), None]}).write_parquet(file)
    with pytest.raises(DataError, match=r"row 2 .* holds no bytes"):
        read_images(file)
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(DataError, match="not a readable Parquet file"):
        read_images(file)


def test_sizes_may_be_any_shape_and_fit_in_three_ways():
    wide = np.zeros((1, 10, 30, 3), np.uint8)
    wide[:, :, 10:20] = 200
    assert (read_images(wide, size=10).pixels == 200).all()
    assert read_images(wide, size=(5, 9)).pixels.shape == (1, 5, 9, 3)
    padded = read_images(wide, size=30, fit="pad").pixels[0]
    assert np.array_equal(padded[10:20], wide[0]) and (padded[:10] == 255).all() and (padded[20:] == 255).all()
    stretched = read_images(wide, size=(10, 15), fit="stretch").pixels[0]
    assert (stretched[:, 6:9] > 190).all() and (stretched[:, :4] < 30).all()
    for size, fit, words in [(0, "crop", "size must be"), ((3, 4, 5), "crop", "size must be"), (3, "cropp", "did you mean")]:
        with pytest.raises(UsageError, match=words):
            read_images(wide, size=size, fit=fit)


@pytest.fixture
def folder(tmp_path):
    for i, picture in enumerate(PIXELS):
        place = tmp_path / "pictures" / ("a" if i < 3 else "b") / f"{i}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        colour = np.repeat(picture[:, :, None], 3, 2) if i == 4 else picture
        place.write_bytes(encoded(colour))
    return tmp_path / "pictures"


def test_what_is_cached_is_read_by_memory_map_and_decoded_once(folder, tmp_path, monkeypatch):
    plain, first = read_images(folder), read_images(folder, cache=tmp_path / "cache")
    monkeypatch.setattr("reverie.images.bring.read_picture", lambda *a, **k: pytest.fail("decoded again"))
    again = read_images(folder, cache=tmp_path / "cache")
    assert isinstance(again.pixels, np.memmap)
    for found in (first, again):
        assert np.array_equal(found.pixels, plain.pixels) and found.fingerprint == plain.fingerprint
        assert found.classes == ("a", "b")


def test_a_set_too_large_for_memory_is_read_through_the_cache(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(gather, "MAX_BYTES", 100)
    with pytest.raises(DataError, match="or name a folder as `cache`"):
        read_images(folder)
    assert len(read_images(folder, cache=tmp_path / "cache")) == 6


def test_other_files_and_other_sizes_are_other_entries(folder, tmp_path):
    cache = tmp_path / "cache"
    read_images(folder, cache=cache)
    assert read_images(folder, size=4, cache=cache).pixels.shape == (6, 4, 4, 3)
    (folder / "a" / "0.png").write_bytes(encoded(255 - PIXELS[0]))
    os.utime(folder / "a" / "0.png", ns=(1, 1))
    assert np.array_equal(read_images(folder, cache=cache).pixels[0, :, :, 0], 255 - PIXELS[0])


@pytest.mark.parametrize("harm", ["flip", "cut", "rubbish", "seal"])
def test_a_damaged_cache_is_made_anew(folder, tmp_path, harm):
    cache, plain = tmp_path / "cache", read_images(folder)
    read_images(folder, cache=cache)
    (file,) = cache.glob("*.npy")
    content = bytearray(file.read_bytes())
    match harm:
        case "flip":
            content[-7] ^= 1
        case "cut":
            del content[-9:]
        case "rubbish":
            content[:20] = b"rubbish" * 3
        case "seal":
            file.with_suffix(".json").write_text("{")
    file.write_bytes(content)
    for _ in range(2):
        assert np.array_equal(read_images(folder, cache=cache).pixels, plain.pixels)


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png", "a.apng"])
def test_an_animation_has_a_frame_for_each_state_and_holds_the_last(tmp_path, name):
    frames = [side_by_side(*2 * (np.full((2, 8, 8, 3), 60 * i, np.uint8),)) for i in range(4)]
    with Image.open(save_animation(frames, tmp_path / name)) as made:
        assert made.n_frames == 4 and made.size == frames[0].size
        made.seek(3)
        made.load()
        assert made.info["duration"] == 2000
    with pytest.raises(UsageError, match=r"animations are written as"):
        save_animation(frames, tmp_path / "a.mp4")
