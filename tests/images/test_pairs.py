"""Pictures that go together in pairs are no classes: one side is read, or the sentence says to give one."""

import re
from pathlib import PurePosixPath

import numpy as np
import pytest
from PIL import Image

from reverie.errors import DataError
from reverie.images import read_images
from reverie.images.pairs import check_pairs, pairs_beside

PIXELS = np.random.default_rng(5).integers(0, 256, (8, 5, 7), dtype=np.uint8)
COUNTED = ("1.png", "2.png", "3.png")
NAMED = ("p017.png", "q4.png", "z9.png")


def write(folder, *names):
    for i, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(PIXELS[i]).save(folder / name)


@pytest.mark.parametrize(
    ("first", "second", "files", "others"),
    [
        ("HR", "LR", COUNTED, COUNTED),
        ("HR", "LR", ("1.png",), ("17.png",)),  # nothing is called so that is a class
        ("DIV2K_train_HR", "DIV2K_train_LR_bicubic", ("0001.png", "0002.png"), ("X4/0001x4.png", "X4/0002x4.png")),
        ("high_res", "low_res", COUNTED, COUNTED),
        ("HR", "LRx2", COUNTED, COUNTED),
        ("clean", "noisy", COUNTED, COUNTED[:2]),
        ("sharp", "blurred", NAMED, NAMED),
        ("norain", "rain", ("norain-1.png",), ("rain-1.png",)),
        ("before", "after", COUNTED, COUNTED),
        ("A", "B", COUNTED, COUNTED),
        ("a", "b", NAMED, NAMED),
        ("day", "night", NAMED, NAMED),
        ("rgb", "infrared", COUNTED, COUNTED),
    ],
)
@pytest.mark.parametrize("above", ["", "train/", "set/one/"])
def test_folders_of_pairs_are_refused_wherever_they_are(tmp_path, first, second, files, others, above):
    write(tmp_path, *(f"{above}{first}/{name}" for name in files), *(f"{above}{second}/{name}" for name in others))
    told = r"go together in pairs.*: give the folder of those to learn from, or, if the two are classes, call them class_"
    with pytest.raises(DataError, match=told):
        read_images(tmp_path)
    for name in (first, second):
        (tmp_path / above / name).rename(tmp_path / above / f"class_{name}")
    assert read_images(tmp_path).classes == tuple(sorted((f"class_{first}", f"class_{second}")))


@pytest.mark.parametrize(
    "names",
    [
        ["cat/1.png", "dog/1.png"],
        ["A/1.png", "B/2.png"],  # of letters all files must have their other
        ["A/1.png", "A/2.png", "B/1.png"],
        ["A/1.png", "B/1.png", "C/1.png"],
        ["a/1.png", "b/1.png"],
        ["clean/cup.png", "noisy/street.png"],
        ["left/1.png", "right/2.png"],
        ["left_hand/1.png", "right_hand/1.png"],
        ["noise/1.png", "speech/1.png"],
        ["x/1.png", "y/1.png", "z/1.png"],
        ["x/one.png", "y/two.png"],
        ["real/1.png", "fake/1.png"],
    ],
)
def test_classes_that_are_called_as_pairs_may_be_are_classes(tmp_path, names):
    write(tmp_path, *names)
    found = read_images(tmp_path)
    assert found.classes == tuple(sorted({name.split("/")[0] for name in names})) and found.notes == ()


@pytest.mark.parametrize(
    ("first", "second", "files", "others"),
    [
        ("x", "y", COUNTED, COUNTED),
        ("X", "Y", NAMED, ("p017_mask.png", "q4_mask.png")),
        ("x", "y", ("img_1.png", "img_2.png"), ("mask_1.png", "mask_2.png")),
        ("input", "target", COUNTED, COUNTED),
        ("input", "output", COUNTED, COUNTED),
    ],
)
@pytest.mark.parametrize("above", ["", "train/"])
def test_of_inputs_beside_outputs_the_inputs_are_read(tmp_path, first, second, files, others, above):
    write(tmp_path, *(f"{above}{first}/{name}" for name in files), *(f"{above}{second}/{name}" for name in others))
    found = read_images(tmp_path)
    assert np.array_equal(found.pixels[..., 0], PIXELS[: len(files)]) and found.classes == ()
    assert any(re.search(rf"{second} is left out \({len(others)} pictures\)", note) for note in found.notes)


def test_files_of_one_name_in_two_folders_are_told_and_running_numbers_are_not(tmp_path):
    write(tmp_path / "told", *(f"{view}/{name}" for view in ("front", "side") for name in NAMED))
    found = read_images(tmp_path / "told")
    assert found.classes == ("front", "side") and "front and side hold files of the same names" in found.notes[0]
    write(tmp_path / "quiet", *(f"{view}/img_{i}.png" for view in ("front", "side") for i in range(4)))
    assert read_images(tmp_path / "quiet").notes == ()


def test_pairs_in_one_folder_are_told(tmp_path):
    write(tmp_path, "1_hr.png", "1_lr.png", "2_hr.png", "2_lr.png")
    found = read_images(tmp_path)
    assert len(found) == 4 and found.notes[0].startswith(
        "4 pictures go together in pairs by their names, as 1_hr.png and 1_lr"
    )
    (tmp_path / "2_lr.png").unlink()
    (tmp_path / "1_lr.png").unlink()
    assert read_images(tmp_path).notes == ()


def test_of_many_classes_none_are_pairs_for_their_running_numbers():
    paths = [PurePosixPath(f"n{i:05d}/{k}.png") for i in range(3000) for k in range(2)]
    assert check_pairs("set", paths, [path.parts[:-1] for path in paths]) == () == pairs_beside(paths)
