"""The commands that ask for classes and change pictures, as they are typed."""

import json

import numpy as np
import pytest
from PIL import Image

from reverie.images import read_images


@pytest.mark.parametrize("count", [3])
def test_sampling_by_class_writes_the_classes_and_an_animation(reverie, pictures, tmp_path, capsys, count):
    told = ("--where", "class=3", "--where", "class=8", "--guidance", 2, "--rescale", 0.5, "--interval", "100:800")
    made, moving = tmp_path / "a.npz", tmp_path / "a.webp"
    assert (
        reverie("sample", pictures, "--count", count, "--steps", 4, *told, "--out", made, "--animate", moving, "--json") == 0
    )
    assert json.loads(capsys.readouterr().out)["interval"] == [100, 800]
    assert np.load(made)["labels"].tolist() == ["3", "8", "3"]
    with Image.open(moving) as animation:
        assert animation.n_frames == 5


def test_pictures_are_changed_from_the_command_line(reverie, pictures, tmp_path, capsys):
    mask = np.zeros((8, 8), np.uint8)
    mask[:, 4:] = 255
    Image.fromarray(mask).save(tmp_path / "hole.png")
    edit, out = ("edit",), tmp_path / "out.npy"
    common = ("--out", out, "--force", "--json")
    few = ("--count", 2, "--steps", 4)
    assert reverie(*edit, "image-to-image", pictures, "digits:3", "--from", 0.5, *few, "--where", "class=3", *common) == 0
    assert np.load(out).shape == (2, 8, 8, 1)
    assert reverie(*edit, "inpaint", pictures, "digits:3", "--mask", tmp_path / "hole.png", *few, *common) == 0
    found = np.load(out)
    np.save(tmp_path / "hole.npy", mask > 0)
    assert reverie(*edit, "inpaint", pictures, "digits:3", "--mask", tmp_path / "hole.npy", *few, *common) == 0
    assert np.array_equal(np.load(out), found)
    assert (found[:, :, :4] == read_images("digits").pixels[3][None, :, :4]).all()
    Image.fromarray(np.full((8, 16), 255, np.uint8)).save(tmp_path / "wide.png")
    assert reverie(*edit, "inpaint", pictures, "digits:3", "--mask", tmp_path / "wide.png", *few, *common) == 3
    assert "the mask is 16 x 8 and the picture 8 x 8 pixels" in " ".join(capsys.readouterr().err.split())
    assert reverie(*edit, "inpaint", pictures, "digits:3", "--mask", tmp_path / "hole.png", "--own-size", *few, *common) == 0
    assert json.loads(capsys.readouterr().out)["new_pixels"] == 32 and np.load(out).shape == (2, 8, 8, 1)
    assert reverie(*edit, "upscale", pictures, "digits:3", "--factor", 2, "--noise", 3, *few, *common) == 0
    assert reverie(*edit, "deblur", pictures, "digits:3", "--blur", 0.8, "--method", "dps", *few, *common) == 0
    assert np.load(out).shape == (2, 8, 8, 1)
    assert "is 8 x 8 pixels, and --factor 2 makes 8 x 8 of 4 x 4" in " ".join(capsys.readouterr().err.split())
    noise = tmp_path / "noise.npz"
    assert reverie(*edit, "invert", pictures, "digits:3", "--noise", noise, "--steps", 10, *common) == 0
    assert json.loads(capsys.readouterr().out)["error_in_grey_levels"] < 0.5
    assert np.load(noise)["noise"].shape == (1, 1, 8, 8)
    assert reverie(*edit, "interpolate", pictures, "digits:3", "digits:8", "--count", 3, "--steps", 10, *common) == 0
    assert np.load(out).shape == (3, 8, 8, 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sample", "RUN", "--count", 1, "--where", "class=33"), "did you mean '3'"),
        (("sample", "RUN", "--count", 1, "--guidance", 2), "guidance follows a class"),
        (
            ("sample", "RUN", "--count", 1, "--where", "class=3", "--guidance", 2, "--interval", "x"),
            "--interval is LOW:HIGH",
        ),
        (("sample", "RUN", "--count", 1, "--animate", "a.mp4"), "animations are written as"),
        (("edit", "inpaint", "RUN", "digits:3", "--mask", "digits"), "has no white"),
        (("edit", "upscale", "RUN", "digits:3", "--factor", 3), "8 entries cannot be taken 3 at a time"),
        (("edit", "upscale", "RUN", "digits:3", "--method", "dpss"), "did you mean 'dps'"),
        (("edit", "upscale", "RUN", "digits:3", "--method", "repaint"), "repaint takes a mask without noise"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(reverie, pictures, tmp_path, capsys, arguments, words):
    if "digits" in arguments:
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "black.png")
        arguments = (*arguments[:-1], tmp_path / "black.png")
    out = tmp_path / "out.png"
    assert reverie(*(pictures if a == "RUN" else a for a in arguments), "--out", out) == 2
    assert words in " ".join(capsys.readouterr().err.split()) and not out.exists()
