"""Archives of arrays: the pictures are learned from with their labels, test arrays are not, and what is left is said."""

import io
import zipfile

import numpy as np
import pytest

from reverie.errors import DataError
from reverie.images import read_images
from reverie.sources import ImageSource

PIXELS = np.random.default_rng(1).integers(0, 256, (6, 8, 8), dtype=np.uint8)
LABELS = np.array([5, 0, 4, 5, 0, 4], np.uint8)
INDICES = [2, 0, 1, 2, 0, 1]
CALLED = ["y_train", "train_labels", "labels", "label", "targets", "target", "classes", "class", "Y", "y", "fine_labels"]
WORDS = np.array(list("abcdef"))


def read(tmp_path, **arrays):
    np.savez(tmp_path / "set.npz", **arrays)
    return read_images(tmp_path / "set.npz")


@pytest.mark.parametrize(
    "arrays",
    [
        {"x_test": PIXELS[:2], "x_train": PIXELS, "y_train": LABELS, "y_test": LABELS[:2]},
        {
            **{"train_images": PIXELS, "val_images": PIXELS[:3], "test_images": PIXELS[:2]},
            **{"train_labels": LABELS[:, None], "val_labels": LABELS[:3, None], "test_labels": LABELS[:2, None]},
        },
        {"Xtest": PIXELS[:2], "Xtrain": PIXELS, "ytest": LABELS[:2], "ytrain": LABELS},
        {"test": PIXELS[:2], "train": PIXELS, "trainLabels": LABELS, "testLabels": LABELS[:2]},
        {"x": PIXELS, "y": LABELS, "x_test": PIXELS[:2], "y_test": LABELS[:2]},
    ],
    ids=["keras", "medmnist", "short", "bare", "beside"],
)
def test_of_an_archive_that_is_cut_the_training_pictures_are_read_with_their_labels(tmp_path, arrays):
    found = read(tmp_path, **arrays)
    assert np.array_equal(found.pixels[..., 0], PIXELS)
    assert found.labels.tolist() == INDICES and found.classes == ("0", "4", "5")
    (note,) = found.notes
    others = [name for name in arrays if "test" in name or "val" in name]
    assert all(name in note for name in others) and "left out" in note


def test_what_is_left_out_is_among_the_notes_that_training_says(tmp_path):
    np.savez(tmp_path / "set.npz", x_train=PIXELS, y_train=LABELS, x_test=PIXELS[:2])
    assert ImageSource.read(tmp_path / "set.npz").notes[0].startswith("x_test is left out")


@pytest.mark.parametrize("name", CALLED)
@pytest.mark.parametrize("values", [LABELS, LABELS[:, None], np.eye(6, dtype=np.float32)[LABELS]], ids=["N", "N1", "NK"])
def test_labels_are_found_by_any_usual_name_and_in_any_usual_shape(tmp_path, name, values):
    found = read(tmp_path, images=PIXELS, **{name: values})
    assert found.labels.tolist() == INDICES and found.classes == ("0", "4", "5") and found.notes == ()


def test_arrays_saved_without_names_are_pictures_and_labels(tmp_path):
    np.savez(tmp_path / "set.npz", PIXELS, LABELS)
    assert read_images(tmp_path / "set.npz").labels.tolist() == INDICES


@pytest.mark.parametrize("names", [WORDS, np.append(WORDS, "g")], ids=["as many as pictures", "more"])
@pytest.mark.parametrize("key", ["class_names", "label_names", "target_names"])
def test_numbers_count_through_the_names_of_classes(tmp_path, names, key):
    found = read(tmp_path, images=PIXELS, labels=LABELS, **{key: names})
    assert found.classes == ("a", "e", "f") and found.labels.tolist() == INDICES and found.notes == ()


def test_classes_beside_labels_are_their_names_and_each_level_has_its_own(tmp_path):
    assert read(tmp_path, images=PIXELS, labels=LABELS, classes=np.append(WORDS, "g")).classes == ("a", "e", "f")
    coarse = {"coarse_labels": LABELS // 2, "coarse_label_names": WORDS}
    found = read(tmp_path, images=PIXELS, **coarse, fine_labels=LABELS, fine_label_names=np.array(list("uvwxyz")))
    assert found.classes == ("u", "y", "z")
    assert found.notes[0].startswith("Not used of the archive: coarse_labels and coarse_label_names")


def test_classes_of_one_name_are_told_apart_by_their_numbers(tmp_path):
    found = read(tmp_path, images=PIXELS, labels=LABELS, class_names=np.array(list("abcdea")))
    assert found.classes == ("a 0", "e", "a 5") and found.labels.tolist() == INDICES


def test_an_array_that_is_not_understood_is_named(tmp_path):
    (note,) = read(tmp_path, images=PIXELS, kinds=LABELS, masks=PIXELS > 9, about=np.zeros(2)).notes
    assert "kinds, masks and about" in note and "names such as labels and y" in note


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"a": PIXELS, "b": PIXELS}, "several arrays of pictures, a and b: save the one"),
        ({"images": PIXELS, "x": PIXELS[:2]}, "several arrays of pictures, images and x"),
        ({"arr_0": PIXELS, "arr_1": PIXELS}, "several arrays of pictures, arr_0 and arr_1"),
        ({"x_val": PIXELS, "x_test": PIXELS}, "x_test and x_val, of which none is called train"),
        ({"x_train": PIXELS, "y_train": LABELS[:2]}, "y_train must be 6 whole numbers or words, one a picture"),
        ({"x": PIXELS, "labels": np.ones((6, 3), int)}, "labels is of shape .6, 3., but row 1 is not a single 1"),
        ({"x": PIXELS, "labels": LABELS, "class_names": WORDS[:3]}, "class 4, but there are 3 names"),
        ({"x": PIXELS, "labels": LABELS.astype(object)}, "save labels anew"),
    ],
)
def test_what_could_mean_several_things_is_refused_by_name(tmp_path, arrays, sentence):
    with pytest.raises(DataError, match=rf"set\.npz.*{sentence}"):
        read(tmp_path, **arrays)


def test_only_what_is_chosen_is_loaded(tmp_path, monkeypatch):
    loaded = []
    np.savez(tmp_path / "set.npz", x_train=PIXELS, y_train=LABELS, x_test=PIXELS, about=np.array([{}]))
    whole = np.lib.npyio.NpzFile.__getitem__
    monkeypatch.setattr(np.lib.npyio.NpzFile, "__getitem__", lambda self, key: loaded.append(key) or whole(self, key))
    assert len(read_images(tmp_path / "set.npz")) == 6 and loaded == ["x_train", "y_train"]


def test_the_fingerprint_is_of_what_is_read(tmp_path):
    alone = read(tmp_path, images=PIXELS, labels=LABELS)
    assert read(tmp_path, x_train=PIXELS, y_train=LABELS, x_test=PIXELS[:3]).fingerprint == alone.fingerprint


def test_files_of_no_array_in_an_archive_are_passed_over(tmp_path):
    buffer = io.BytesIO()
    np.savez(buffer, images=PIXELS)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("README.txt", "about")
    (tmp_path / "set.npz").write_bytes(buffer.getvalue())
    assert len(read_images(tmp_path / "set.npz")) == 6
