"""Pictures changed over HTTP are those that the library makes; what cannot be done is one sentence."""

from __future__ import annotations

import base64
import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from reverie import load
from reverie.cli.disk import Disk
from reverie.images import ImageCodec, png, read_images
from reverie.models import editing
from reverie.operations.editing.shared import pixels_of
from reverie.service.context import Served
from reverie.service.settings import Settings
from reverie.service.workspace import Workspace

RUN = "runs/digits"
THREE = {"model": RUN, "picture": "digits:3"}


@pytest.fixture
def edit(client, trained):
    def post(**body):
        return client.post("/api/edits", json=THREE | {"out": "changed.npy", "overwrite": True} | body)

    return post


def made(reply, root) -> np.ndarray:
    assert reply.status_code == 200, reply.text
    pixels = np.load(root / "changed.npy")
    assert len(reply.json()["preview"]["images"]) == min(len(pixels), 16)
    return pixels


def picture(index: int) -> np.ndarray:
    return read_images("digits").pixels[index]


def test_a_picture_is_made_over_and_holes_are_filled(edit, root):
    model = load(root / RUN)
    found = made(edit(edit="image-to-image", level=0.5, count=3, steps=4, where=["class=3"], guidance=2.0), root)
    wanted = editing.image_to_image(model, picture(3), 0.5, 3, 0, steps=4, where=["class=3"], guidance=2.0)
    assert np.array_equal(found, wanted)
    mask = np.zeros((8, 8), np.uint8)
    mask[:, 4:] = 255
    Image.fromarray(mask).save(root / "mask.png")
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG")
    sent = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    hole = np.broadcast_to(np.arange(8) >= 4, (8, 8))
    wanted = editing.inpaint(model, picture(3), hole, 2, 5, 2, steps=4)
    for name in ("mask.png", sent):
        found = made(edit(edit="inpaint", mask=name, count=2, steps=4, repeats=2, seed=5), root)
        assert np.array_equal(found, wanted) and (found[:, :, :4] == picture(3)[None, :, :4]).all()
    found = made(edit(edit="inpaint", mask="mask.png", count=2, steps=4, soft=True), root)
    assert np.array_equal(found, editing.inpaint(model, picture(3), hole * 1.0, 2, steps=4))
    assert np.array_equal(
        made(edit(edit="upscale", factor=2, count=2, steps=4, method="pigdm"), root),
        editing.upscale(model, picture(3), 2, 2, steps=4, method="pigdm"),
    )
    assert np.array_equal(
        made(edit(edit="deblur", blur=0.5, count=1, steps=4), root), editing.deblur(model, picture(3), 0.5, steps=4)
    )


def test_a_picture_is_taken_to_its_noise_and_to_another(edit, client, root):
    model = load(root / RUN)
    reply = edit(edit="invert", steps=10)
    wanted = editing.inverted(model, picture(3)[None], 10)
    assert np.array_equal(made(reply, root), np.concatenate([picture(3)[None], wanted.pictures]))
    noise = np.load(io.BytesIO(client.get(reply.json()["files"][1]["href"]).content))
    assert np.array_equal(noise["noise"], wanted.noise.numpy()) and tuple(noise["grid"]) == wanted.grid
    found = made(edit(edit="interpolate", other="digits:8", count=3, steps=10), root)
    assert np.array_equal(found, editing.interpolate(model, np.stack([picture(3), picture(8)]), 3, 10))


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"edit": "image-to-image", "level": 1.5}, 422, "level"),
        ({"edit": "image-to-image", "mask": "digits:3"}, 422, "mask"),
        ({"edit": "turn"}, 422, "image-to-image"),
        ({"edit": "image-to-image", "guidance": 2}, 422, "guidance follows a class"),
        ({"edit": "inpaint", "mask": "none.png"}, 404, ""),
        ({"edit": "inpaint", "mask": "black.png"}, 422, "the mask has no white"),
        ({"edit": "inpaint", "mask": "wide.png"}, 422, "the mask is 16 x 8 and the picture 8 x 8 pixels"),
        ({"edit": "interpolate"}, 422, "other"),
        ({"edit": "invert", "model": "runs/patients"}, 422, "a model of patient records"),
        ({"edit": "invert", "picture": "/etc/passwd"}, 422, "This name cannot be used"),
        ({"edit": "invert", "picture": "digits:5000"}, 422, "names no bundled digit"),
        ({"edit": "invert", "out": "changed.csv"}, 422, "must end in"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(edit, root, body, status, words):
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(root / "black.png")
    Image.fromarray(np.full((8, 16), 255, np.uint8)).save(root / "wide.png")
    reply = edit(**body)
    assert (reply.status_code, words in reply.text) == (status, True), reply.text


def test_a_picture_is_read_in_the_bits_of_the_model_and_with_its_alpha_by_either_door(tmp_path):
    deep = np.random.default_rng(0).integers(0, 65536, (8, 8, 4), np.uint16)
    (tmp_path / "deep.png").write_bytes(png(deep))
    model = SimpleNamespace(codec=ImageCodec(8, 8, 4, bits=16))
    content = (tmp_path / "deep.png").read_bytes()
    sent = "data:image/png;base64," + base64.b64encode(content).decode()
    served = Served(SimpleNamespace(settings=Settings(), workspace=Workspace(tmp_path, Settings(free_bytes=0))))
    for context, name in (
        (Disk(lambda *_: None), str(tmp_path / "deep.png")),
        (served, "deep.png"),
        (served, sent),
    ):
        assert np.array_equal(pixels_of(context, name, "picture", model), deep)
        assert pixels_of(context, name, "mask").dtype == np.uint8 and pixels_of(context, name, "mask").shape[2] == 4
