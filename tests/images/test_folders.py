"""Masks are no classes, one folder that holds all is looked into, and what is passed over is counted."""

import io
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_tensors
from torch import bfloat16, from_numpy

from reverie.errors import DataError, UsageError
from reverie.images import read_images

PIXELS = np.random.default_rng(5).integers(0, 256, (8, 5, 7), dtype=np.uint8)


def encoded(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def write(folder, *names):
    for name, pixels in zip(names, PIXELS, strict=False):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encoded(pixels) if name.endswith(".png") else b"x")


@pytest.mark.parametrize(
    ("names", "kept", "classes", "note"),
    [
        (["images/1.png", "images/2.png", "masks/1.png", "masks/2.png"], "01", (), r"masks is left out \(2 pictures\)"),
        (["images/1.png", "labels/1.png", "annotations/1.png"], "0", (), "annotations and labels are left out"),
        (["JPEGImages/1.png", "SegmentationClass/1.png", "SegmentationObject/1.png"], "0", (), "SegmentationClass and Seg"),
        (["train/images/1.png", "train/masks/1.png", "test/images/2.png", "test/masks/2.png"], "0", (), "test is left out"),
        (["images/train/1.png", "images/val/2.png", "masks/train/1.png", "masks/val/2.png"], "0", (), "val is left out"),
        (
            ["train/1.png", "train/2.png", "train_masks/1_mask.png", "train_masks/2_mask.png"],
            "01",
            (),
            "train_masks is left",
        ),
        (["imagesTr/1.png", "labelsTr/1.png", "imagesTs/2.png"], "0", (), "imagesTs is left out"),
        (
            ["fold1/cat/1.png", "fold1/dog/2.png", "fold2/cat/3.png"],
            "012",
            ("cat", "dog"),
            "fold1 and fold2 are read as one",
        ),
        (["no_fold/1.png", "fold/2.png"], "10", ("fold", "no_fold"), None),
        (["cat/1.png", "cat/masks/1.png", "dog/2.png", "dog/masks/2.png"], "02", ("cat", "dog"), "cat/masks and dog/masks"),
        (["images/cat/1.png", "images/dog/2.png", "masks/cat/1.png", "masks/dog/2.png"], "01", ("cat", "dog"), "masks is"),
        (["scan/1.png", "scan/2.png", "gt/1_gt.png", "gt/2_gt.png"], "01", ("scan",), "gt is left out"),
        (
            ["a/x (1).png", "a/x (1)_mask.png", "a/x (1)_mask_1.png", "b/y.png"],
            "03",
            ("a", "b"),
            "2 pictures left out",
        ),
        (
            ["set_train_input/1.png", "set_train_groundtruth/1.png"],
            "0",
            ("set_train_input",),
            "set_train_groundtruth is left",
        ),
        (["leftImg8bit/a_left.png", "gtFine/a_gt.png"], "0", ("leftImg8bit",), "gtFine is left out"),
        (["1.png", "masks/1.png"], "0", (), "masks is left out .1 picture."),
        (
            ["a/flowers/rose/1.png", "a/flowers/tulip/2.png"],
            "01",
            ("rose", "tulip"),
            "are in a/flowers, so the folders in it are the",
        ),
        (
            [
                "seg_pred/1.png",
                "seg_test/seg_test/sea/2.png",
                "seg_train/seg_train/sea/3.png",
                "seg_train/seg_train/ice/4.png",
            ],
            "32",
            ("ice", "sea"),
            "seg_pred and seg_test are left out",
        ),
        (["train/a/1.png", "train/b/2.png", "holdout/a/3.png"], "01", ("a", "b"), "holdout is left out"),
        (["train_station/1.png", "test_tube/2.png"], "10", ("test_tube", "train_station"), None),
        (["1.image.png", "1.mask.png", "2_img.png", "2_seg.png"], "02", (), "2 pictures left out"),
        (["a/image_1.png", "a/mask_1.png", "b/img7.png", "b/gt7.png"], "02", ("a", "b"), "such as a/mask_1.png"),
        (["p_input.png", "p_target.png"], "0", (), "1 picture left out"),
        (["mask_1.png", "mask_2.png"], "01", (), None),
        (["images/cat/1.png", "images/dog/2.png"], "01", ("cat", "dog"), "are in images, so"),
        (["photos/1.png", "photos/2.png"], "01", (), None),
        (["mask/1.png", "no_mask/1.png", "mask/2.png"], "021", ("mask", "no_mask"), None),
        (["with_mask/1.png", "without_mask/1.png"], "01", ("with_mask", "without_mask"), None),
        (["label/1.png", "box/2.png"], "10", ("box", "label"), None),
        (["0/1.png", "1/2.png"], "01", ("0", "1"), None),
        (["猫/1.png", "犬/2.png"], "10", ("犬", "猫"), None),
    ],
)
def test_what_lies_beside_pictures_is_no_class(tmp_path, names, kept, classes, note):
    write(tmp_path, *names)
    found = read_images(tmp_path)
    assert np.array_equal(found.pixels[..., 0], PIXELS[list(map(int, kept))]) and found.classes == classes
    assert (found.notes == ()) if note is None else any(re.search(note, said) for said in found.notes)


def test_two_domains_to_train_on_are_refused(tmp_path):
    write(tmp_path, "trainA/1.png", "trainB/2.png", "testA/3.png", "testB/4.png")
    with pytest.raises(DataError, match="several sets to train on, trainA and trainB: give the folder of one"):
        read_images(tmp_path)


def test_images_beside_what_is_not_known_is_no_class(tmp_path):
    write(tmp_path, "images/1.png", "thumbnails/1.png")
    with pytest.raises(DataError, match="holds the folders images and thumbnails, and one that is called so is no class"):
        read_images(tmp_path)


def test_no_name_and_an_address_are_refused():
    with pytest.raises(UsageError, match="no source is named"):
        read_images("")
    with pytest.raises(UsageError, match="is an address, and nothing is fetched: download it"):
        read_images("https://example.org/photos.zip")


def test_files_of_other_kinds_are_counted(tmp_path):
    write(tmp_path, "1.png", *(f"{i}.avif" for i in range(6)))
    assert read_images(tmp_path).notes == ("6 files passed over: .avif.",)
    write(tmp_path, "1.png", "notes.txt", "Thumbs.db", ".DS_Store", "LICENSE")
    assert read_images(tmp_path).notes == ("8 files passed over: .avif (6), .txt (1) and no suffix (1).",)
    (tmp_path / "1.png").unlink()
    with pytest.raises(
        DataError,
        match=r"holds no pictures: .*8 files passed over: \.avif .6.,.*avif is no format that is read here: save it as PNG",
    ):
        read_images(tmp_path)
    write(tmp_path / "tables", "hosp/stays.csv")
    with pytest.raises(DataError, match=r"hosp/stays\.csv is a table: to train on several, put them into one folder"):
        read_images(tmp_path / "tables")


@pytest.mark.parametrize("name", ["x.pt", "x.h5", "x.avif", "x.dcm", "x.rar", "x.mp4", "x.nii.gz"])
def test_files_that_are_not_read_are_refused_with_a_remedy(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x80\x02}q\x00.")
    with pytest.raises(DataError, match=rf"{name} is (a pickle|no format|no archive).*: (save|unpack)"):
        read_images(tmp_path / name)
    (tmp_path / name).write_bytes(encoded(PIXELS[0]))  # what a file is, its content says
    assert np.array_equal(read_images(tmp_path / name).pixels[0, ..., 0], PIXELS[0])


def test_a_pattern_is_told_to_be_a_folder(tmp_path):
    for name in ("set-*.tar", "set-{000..004}.tar"):
        with pytest.raises(DataError, match="is a pattern, and none is looked for: give the folder"):
            read_images(tmp_path / name)


def test_objects_in_an_archive_are_refused_for_what_they_are(tmp_path):
    uneven = np.empty(2, object)
    uneven[:] = [PIXELS[0], PIXELS[1, :4]]
    np.savez(tmp_path / "x.npz", images=uneven)
    with pytest.raises(
        DataError, match=r"holds images as objects of Python, a pickle.*: save images again as numbers or words"
    ):
        read_images(tmp_path / "x.npz")


def test_a_folder_of_arrays_is_read_as_one_file_of_them_is(tmp_path):
    np.save(tmp_path / "x_train.npy", PIXELS)
    np.save(tmp_path / "y_train.npy", np.arange(8.0)[:, None] // 4)
    np.save(tmp_path / "x_test.npy", PIXELS[:2])
    found = read_images(tmp_path)
    assert np.array_equal(found.pixels[..., 0], PIXELS) and found.labels.tolist() == [0] * 4 + [1] * 4
    assert found.notes[0].startswith("x_test is left out")
    (tmp_path / "deep/er").mkdir(parents=True)
    np.savez(tmp_path / "deep/er/set.npz", images=PIXELS[:3], labels=np.arange(3))
    assert len(read_images(tmp_path / "deep")) == 3


def test_tensors_of_safetensors_are_read_by_their_names(tmp_path):
    labels = np.arange(8, dtype=np.int64) % 2
    save_file({"images": PIXELS, "labels": labels, "extra": labels}, tmp_path / "a.safetensors")
    found = read_images(tmp_path / "a.safetensors")
    assert np.array_equal(found.pixels[..., 0], PIXELS) and found.labels.tolist() == labels.tolist()
    assert found.notes == ("Not used of the file: extra (the labels are read from labels).",)
    save_tensors({"images": from_numpy(PIXELS / 255).to(bfloat16)[:, None]}, tmp_path / "b.safetensors")
    assert abs(read_images(tmp_path / "b.safetensors").pixels[..., 0].astype(int) - PIXELS).max() <= 1
    (tmp_path / "c.safetensors").write_bytes((tmp_path / "a.safetensors").read_bytes()[:-4])
    with pytest.raises(DataError, match=r"c\.safetensors is not a readable \.safetensors file"):
        read_images(tmp_path / "c.safetensors")


def test_a_folder_of_arrays_of_one_picture_each_is_read_as_one_of_picture_files_is(tmp_path):
    names = [f"{part}/{name}" for part in ("train", "test") for name in ("cat/1", "cat/2", "dog/1")]
    write(tmp_path / "png", *(f"{name}.png" for name in names))
    for name, pixels in zip(names, PIXELS, strict=False):
        (tmp_path / "npy" / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / "npy" / f"{name}.npy", pixels)
    shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "npy")
    files = read_images(tmp_path / "png")
    for source in (tmp_path / "npy", tmp_path / "packed.zip"):
        assert read_images(source).fingerprint == files.fingerprint and read_images(source).notes == files.notes


@pytest.mark.parametrize("suffix", [".npy", ".png"])
def test_masks_beside_arrays_are_left_out_and_floats_are_on_one_scale(tmp_path, suffix):
    for i, low in enumerate((0.0, -1.0)):
        for name in ("images", "masks"):
            (tmp_path / name).mkdir(exist_ok=True)
        np.save(tmp_path / f"images/{i}.npy", np.linspace(low, 1, 12).reshape(3, 4))
        if suffix == ".npy":
            np.save(tmp_path / f"masks/{i}.npy", np.ones((3, 4), bool))
        else:
            (tmp_path / f"masks/{i}.png").write_bytes(encoded(PIXELS[0]))
    found = read_images(tmp_path)
    assert len(found) == 2 and found.classes == () and "masks is left out (2 pictures)" in found.notes[0]
    assert found.pixels[0, 0, 0, 0] == 128 and found.pixels[1, 0, 0, 0] == 0


def test_arrays_beside_pictures_are_no_pictures(tmp_path):
    write(tmp_path, "1.png", "2.png")
    for i in (1, 2):
        np.save(tmp_path / f"{i}_mask.npy", PIXELS[i])
    found = read_images(tmp_path)
    assert len(found) == 2 and found.notes == ("2 files passed over: .npy.",)


def test_folders_that_are_called_by_numbers_are_in_their_order(tmp_path):
    write(tmp_path, "10/1.png", "9/1.png", "1/1.png")
    found = read_images(tmp_path, classes=["one", "nine", "ten"])
    assert found.classes == ("one", "nine", "ten") and found.labels.tolist() == [0, 2, 1]
    assert read_images((PIXELS[:3], ["10", "9", "-1"])).classes == ("-1", "9", "10")


def test_what_systems_leave_is_no_class_and_a_table_is_told_of(tmp_path):
    write(tmp_path, "cat/1.png", "dog/1.png", "@eaDir/1.png", "lost+found/1.png", "labels.csv")
    found = read_images(tmp_path)
    assert found.classes == ("cat", "dog")
    assert found.notes == ("1 file passed over: .csv. What a table tells of the pictures is given as `conditions`.",)


def test_outputs_beside_inputs_in_one_folder_are_left_out(tmp_path):
    write(tmp_path, "1.input.png", "1.output.png", "2.input.png", "2.output.png")
    found = read_images(tmp_path)
    assert np.array_equal(found.pixels[..., 0], PIXELS[[0, 2]]) and "2 pictures left out" in found.notes[0]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("data_batch_1", b"\x80\x04\x95", "data_batch_1 is a pickle, .*save its arrays with numpy.savez"),
        ("1.pt", b"PK", "1.pt is a pickle"),
        ("1.h5", b"x", "1.h5 is no format that is read here: save its arrays"),
    ],
)
def test_what_a_folder_without_pictures_holds_is_named_with_its_remedy(tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"holds no pictures: .*1 file passed over: .*; {sentence}"):
        read_images(tmp_path)
