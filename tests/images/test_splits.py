"""Sets that are cut into parts: training pictures are learned from, others left out and named, classes keep names."""

import gzip
import io
import json
import struct

import numpy as np
import polars as pl
import pytest
from PIL import Image

from reverie.errors import DataError
from reverie.images import read_images
from reverie.images.splits import rest_of, split_of

PIXELS = np.random.default_rng(1).integers(0, 256, (6, 5, 7), dtype=np.uint8)
LABELS = [2, 0, 2, 3, 0, 2]
NAMES = ["tabby", "pug", "crow", "carp"]
FEATURES = {"label": {"names": NAMES, "_type": "ClassLabel"}}
README = """---
license: mit
dataset_info:
{first}features:
  {then}- name: image
  {then}  dtype: image
  {then}- name: label
  {then}  dtype:
  {then}    class_label:
  {then}      names:
  {then}        '0': tabby
  {then}        '1': pug
  {then}        '2': crow
  {then}        '3': carp
---
# Animals
"""


def encoded(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def write_pictures(folder, *names):
    for name, pixels in zip(names, PIXELS, strict=False):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encoded(pixels))


def write_parquet(path, rows=slice(None), told=FEATURES, **columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [{"bytes": encoded(picture), "path": None} for picture in PIXELS[rows]]
    metadata = {"huggingface": json.dumps({"info": {"features": told}})} if told else None
    pl.DataFrame({"image": images, "label": LABELS[rows], **columns}).write_parquet(path, metadata=metadata)


def write_idx(folder, name, count=6):
    for kind, axes, array in (("images", 3, PIXELS[:count]), ("labels", 1, np.array(LABELS[:count], np.uint8))):
        content = bytes([0, 0, 8, axes]) + struct.pack(f">{axes}I", *array.shape) + array.tobytes()
        (folder / f"{name}-{kind}-idx{axes}-ubyte.gz").write_bytes(gzip.compress(content))


@pytest.mark.parametrize(
    ("name", "split", "rest"),
    [
        ("x_train", "train", "x"),
        ("train_images", "train", "images"),
        ("testLabels", "test", "labels"),
        ("Xtrain", "train", "x"),
        ("y_val", "validation", "y"),
        ("t10k-images-idx3-ubyte", "test", "images_idx_3_ubyte"),
        ("train", "train", ""),
        ("train_set_x", "train", "x"),
        ("constraint", None, "constraint"),
        ("contest", None, "contest"),
        ("arr_0", None, "arr_0"),
    ],
)
def test_a_name_tells_its_part_and_what_else_it_says(name, split, rest):
    assert (split_of(name), rest_of(name)) == (split, rest)


@pytest.mark.parametrize(
    ("names", "kept", "classes", "others"),
    [
        (["train/cat/a.png", "train/dog/b.png", "test/cat/c.png", "val/dog/d.png"], 2, ("cat", "dog"), "test and val"),
        (["train/a.png", "train/b.png", "test/c.png"], 2, (), "test"),
        (["data/train/cat/a.png", "data/train/dog/b.png", "data/test/cat/c.png"], 2, ("cat", "dog"), "test"),
        (
            ["train_set/train_set/cat/a.png", "train_set/train_set/dog/b.png", "val_set/val_set/c.png"],
            2,
            ("cat", "dog"),
            "val_set",
        ),
        (["cat/train/a.png", "dog/train/b.png", "cat/test/c.png", "dog/test/d.png"], 2, ("cat", "dog"), "test"),
        (["train/cat/a.png", "train/dog/b.png", "test/cat/c.png", "extra/cat/d.png"], 2, ("cat", "dog"), "extra and test"),
        (["test/cat/a.png", "test/dog/b.png"], 2, ("cat", "dog"), None),
        (["bus/a.png", "train/b.png", "tram/c.png"], 3, ("bus", "train", "tram"), None),
        (["test_tube/a.png", "train_station/b.png"], 2, ("test_tube", "train_station"), None),
    ],
)
def test_folders_called_train_and_test_are_parts_and_no_classes(tmp_path, names, kept, classes, others):
    write_pictures(tmp_path, *names)
    found = read_images(tmp_path)
    learned = [i for i, name in enumerate(names) if "train" in name or others is None]
    assert len(found) == kept and {p.tobytes() for p in found.pixels[..., 0]} == {PIXELS[i].tobytes() for i in learned}
    assert found.classes == classes
    told = [note for note in found.notes if "is read, for nothing is called train" not in note]
    assert (told == []) if others is None else (len(told) == 1 or "set" in others)
    assert (len(told) < len(found.notes)) == (set(names) == {"test/cat/a.png", "test/dog/b.png"})
    assert others is None or found.notes[0].startswith(f"{others} ")


def test_parts_without_one_to_train_on_are_refused(tmp_path):
    write_pictures(tmp_path, "val/cat/a.png", "test/cat/b.png")
    with pytest.raises(DataError, match="holds test and val, of which none is called train: give the folder"):
        read_images(tmp_path)
    assert len(read_images(tmp_path / "val")) == 1


@pytest.mark.parametrize("place", ["", "data/", "pets/"])
@pytest.mark.parametrize("cached", [False, True])
def test_of_parquet_files_the_training_rows_are_read_and_their_classes_have_names(tmp_path, place, cached):
    folder, options = tmp_path / "set", {"cache": tmp_path / "cache"} if cached else {}
    write_parquet(folder / f"{place}train-00000-of-00002.parquet", slice(0, 4))
    write_parquet(folder / f"{place}train-00001-of-00002.parquet", slice(4, 6))
    write_parquet(folder / f"{place}test-00000-of-00001.parquet", slice(0, 3))
    write_parquet(folder / f"{place}validation-00000-of-00001.parquet", slice(0, 3))
    for _ in range(2):
        found = read_images(folder, **options)
        assert np.array_equal(found.pixels[..., 0], PIXELS)
        assert found.classes == ("tabby", "crow", "carp") and found.labels.tolist() == [1, 0, 1, 2, 0, 1]
        assert found.notes[0].startswith(
            f"{place}test-00000-of-00001.parquet and {place}validation-00000-of-00001.parquet are left out"
        )
    assert len(read_images(folder / f"{place}test-00000-of-00001.parquet")) == 3


def test_parts_may_be_folders_of_parquet_files_and_several_sets_are_refused(tmp_path):
    write_parquet(tmp_path / "pets/train/0000.parquet")
    write_parquet(tmp_path / "pets/test/0000.parquet")
    assert len(read_images(tmp_path)) == 6
    write_parquet(tmp_path / "birds/train/0000.parquet")
    with pytest.raises(DataError, match=r"several sets, one with birds/train/0000.parquet and pets/train/0000.parquet"):
        read_images(tmp_path)


@pytest.mark.parametrize(("first", "then"), [("  ", ""), ("- config_name: a\n  ", "")])
def test_the_names_of_classes_may_stand_in_the_readme(tmp_path, first, then):
    write_parquet(tmp_path / "data/train-0.parquet", told=None)
    assert read_images(tmp_path).classes == ("0", "2", "3")
    (tmp_path / "README.md").write_text(README.format(first=first, then=then))
    assert read_images(tmp_path).classes == ("tabby", "crow", "carp")
    assert read_images(tmp_path, classes=["x", "y", "z"]).classes == ("x", "y", "z")


@pytest.mark.parametrize(
    "told", ["[[[", "---\n[[[\n---", "---\n" + "[" * 900 + "\n---", "---\ndataset_info: 3\n---", "\xff"]
)
def test_a_readme_that_says_nothing_of_classes_is_no_harm(tmp_path, told):
    write_parquet(tmp_path / "train-0.parquet", told={"label": 3})
    (tmp_path / "README.md").write_bytes(told.encode("latin-1"))
    assert read_images(tmp_path).classes == ("0", "2", "3")


def test_a_number_without_a_name_is_refused_and_secret_classes_are_none(tmp_path):
    file = tmp_path / "test.parquet"
    write_parquet(file, told={"label": {"names": NAMES[:3]}})
    with pytest.raises(DataError, match=r"column 'label' of .*holds the class 3, but there are 3 names"):
        read_images(file)
    write_parquet(file, label=[-1] * 6)
    assert read_images(file).labels is None


def test_columns_that_are_not_read_are_named(tmp_path):
    write_parquet(tmp_path / "a.parquet", told=None, caption=list("abcdef"), coarse_label=LABELS)
    assert read_images(tmp_path / "a.parquet").notes == (
        "Not used of the columns: caption and coarse_label (the labels are read from label).",
    )


def test_picture_files_beside_pictures_in_parquet_are_refused(tmp_path):
    write_parquet(tmp_path / "data/train-0.parquet")
    write_pictures(tmp_path, "assets/preview.png")
    with pytest.raises(DataError, match=r"assets/preview.png.*data/train-0.parquet.*give the folder of those"):
        read_images(tmp_path)


def test_idx_labels_that_are_not_read_are_named(tmp_path):
    write_idx(tmp_path, "train")
    write_idx(tmp_path, "t10k")
    (tmp_path / "train-labels-idx1-ubyte.gz").rename(tmp_path / "train-labels-idx2-int.gz")
    found = read_images(tmp_path / "train-images-idx3-ubyte.gz")
    assert found.labels is None and found.notes[0].startswith("Not used: train-labels-idx2-int.gz (")


def test_of_idx_files_the_training_set_is_read_wherever_its_name_says_so(tmp_path):
    write_idx(tmp_path, "emnist-letters-test", 2)
    write_idx(tmp_path, "emnist-letters-train")
    found = read_images(tmp_path)
    assert len(found) == 6 and found.classes == ("0", "2", "3")
    assert found.notes[0].startswith("emnist-letters-test-images-idx3-ubyte.gz is left out")
    write_idx(tmp_path, "emnist-digits-train")
    with pytest.raises(DataError, match=r"several sets of pictures, emnist-digits-train-.* and emnist-letters-train-"):
        read_images(tmp_path)


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["HAM_images_part_1/a.png", "HAM_images_part_2/b.png"], ()),
        (["x/batch1/a.png", "x/batch2/b.png"], ()),
        (["part1/cat/a.png", "part2/cat/b.png", "part2/dog/c.png"], ("cat", "dog")),
        (["part1/images/a.png", "part2/images/b.png"], ()),
        (["class_part_1/a.png", "class_part_2/b.png"], ("class_part_1", "class_part_2")),
        (["level1/a.png", "level2/b.png"], ("level1", "level2")),
    ],
)
def test_pieces_of_one_set_are_no_classes(tmp_path, names, classes):
    write_pictures(tmp_path, *names)
    found = read_images(tmp_path)
    assert len(found) == len(names) and found.classes == classes
    assert any("are read as one set" in note for note in found.notes) == (len(set(classes)) == 0 or classes[0] == "cat")


def test_a_part_above_folders_is_no_class_and_what_lies_below_classes_is_said(tmp_path):
    for names, sentence in (
        (
            ["train/cat/a.png", "train/dog/b.png", "extra/cat/c.png"],
            "extra and train, and train is called as a part of a set",
        ),
        (
            ["yes/a.png", "no/b.png", "tumours/yes/a.png", "tumours/no/b.png"],
            "holds the folders no and tumours/no, of which",
        ),
    ):
        folder = tmp_path / names[0].partition("/")[0]
        write_pictures(folder, *names)
        with pytest.raises(DataError, match=sentence):
            read_images(folder)
    write_pictures(
        tmp_path / "all", "pet/cat/a.png", "pet/dog/b.png", "tree/oak/c.png", "tree/images/d.png", "tree/tree/e.png"
    )
    found = read_images(tmp_path / "all")
    assert found.classes == ("pet", "tree") and len(found.notes) == 1
    assert found.notes[0].startswith("Folders below the classes, such as pet/cat, pet/dog and 1 more, are no classes")
