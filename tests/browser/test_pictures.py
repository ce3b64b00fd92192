"""The pictures view shows what the library makes with the same settings, and how it changes a picture."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from reverie import load
from reverie.images import contact_sheet, read_images
from reverie.models import PictureModel, editing
from reverie.studies.subject import photograph

Visit = Callable[..., Page]
Answer = Callable[..., None]
pytestmark = pytest.mark.parametrize("size", ["wide"], indirect=True)


@pytest.fixture
def model(workspace: Path, digits: str) -> PictureModel:
    found = load(workspace / digits)
    assert isinstance(found, PictureModel)
    return found


@pytest.fixture
def three() -> np.ndarray:
    return read_images("digits").pixels[3]


def shown(page: Page) -> np.ndarray:
    """The pictures on the screen, uint8 [N, H, W, 1]."""
    expect(page.locator(".made img").first).to_be_visible()
    sources = page.locator(".made img").evaluate_all("images => images.map((image) => image.src)")
    opened = [Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))).convert("L") for source in sources]
    return np.stack([np.asarray(image)[:, :, None] for image in opened])


def test_what_is_made_is_what_the_library_makes_and_a_link_makes_it_again(
    visit: Visit, model: PictureModel, digits: str
) -> None:
    page = visit("pictures?count=4&steps=4&seed=2")
    page.get_by_label("Class").select_option("3")
    page.get_by_role("button", name="Make", exact=True).click()
    sheet = page.get_by_role("img", name=f"4 pictures made by {digits}, of class 3")
    expect(sheet).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save pictures.png").click()
    wanted = contact_sheet(model.sample(4, seed=2, steps=4, where=["class=3"]))
    assert np.array_equal(np.asarray(Image.open(download.value.path())), np.asarray(wanted))
    expect(page).to_have_url(re.compile("of=3.*run=1"))
    page.reload()
    expect(sheet).to_be_visible()
    page.get_by_role("button", name="Show the call").click()
    page.get_by_role("tab", name="Command line").click()
    expect(page.locator("dialog pre")).to_have_text(
        f"reverie sample {digits} --count 4 --where class=3 --steps 4 --seed 2 --out pictures.png"
    )


def test_a_picture_is_made_over(visit: Visit, model: PictureModel, three: np.ndarray, digits: str) -> None:
    page = visit("pictures?step=change&steps=4&many=2&level=0.5&seed=1")
    page.get_by_role("button", name="Change it").click()
    assert np.array_equal(shown(page), editing.image_to_image(model, three, 0.5, 2, 1, steps=4))
    expect(page.locator(".made figcaption").first).to_have_text("given")
    page.get_by_role("button", name="Show the call").click()
    page.get_by_role("tab", name="Command line").click()
    expect(page.locator("dialog pre")).to_contain_text(f"reverie edit image-to-image {digits} digits:3 --from 0.5")


def test_a_hole_is_chosen_or_painted_and_filled(visit: Visit, model: PictureModel, three: np.ndarray) -> None:
    page = visit("pictures?step=change&edit=inpaint&hole=right&steps=4&many=2")
    page.get_by_role("button", name="Change it").click()
    hole = np.broadcast_to(np.arange(8) >= 4, (8, 8))
    assert np.array_equal(shown(page), editing.inpaint(model, three, hole, 2, 0, steps=4))
    page.get_by_role("button", name="Paint anew").click()
    canvas = page.locator(".veil")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 16, box["y"] + box["height"] / 16)  # the first pixel
    page.mouse.down()
    page.mouse.up()
    expect(page.get_by_label("Hole", exact=True)).to_have_value("painted")
    page.get_by_role("button", name="Change it").click()
    expect(page.locator(".facts")).to_contain_text("new pixels")
    hole = np.zeros((8, 8), bool)
    hole[0, 0] = True
    assert np.array_equal(shown(page), editing.inpaint(model, three, hole, 2, 0, steps=4))


def test_a_picture_is_enlarged_and_sharpened_and_what_cannot_be_is_said_beside_its_field(
    visit: Visit, log: Any, model: PictureModel, three: np.ndarray
) -> None:
    log.allow.append("422")
    page = visit("pictures?step=change&edit=upscale&steps=4&many=2&method=pigdm")
    page.get_by_role("button", name="Change it").click()
    assert np.array_equal(shown(page), editing.upscale(model, three, 2, 2, 0, steps=4, method="pigdm"))
    factor = page.get_by_label("Factor")
    factor.fill("3")
    factor.blur()
    page.get_by_role("button", name="Change it").click()
    field = page.locator(".field", has=factor)
    expect(field.get_by_role("alert").filter(has_text="8 entries cannot be taken 3 at a time")).to_be_visible()
    page.get_by_label("How", exact=True).select_option("deblur")
    expect(field).to_be_hidden()
    page.get_by_label("Blur").fill("0.5")
    page.get_by_label("Blur").blur()
    page.get_by_role("button", name="Change it").click()
    expect(page.locator(".made")).to_have_attribute("data-edit", "deblur")
    assert np.array_equal(shown(page), editing.deblur(model, three, 0.5, 2, 0, steps=4, method="pigdm"))


def test_a_hole_lies_where_it_is_shown_in_a_picture_of_another_shape(visit: Visit, model: PictureModel) -> None:
    def middle(height: int, width: int) -> np.ndarray:
        y, x = (abs((np.arange(side) + 0.5) / side - 0.5) < 0.25 for side in (height, width))
        return y[:, None] & x

    page = visit("pictures?step=change&edit=inpaint&picture=china&hole=middle&steps=4&many=2")
    page.get_by_role("button", name="Change it").click()
    hole = middle(8, 8)
    picture = editing.fitted(model, photograph("china"))
    assert np.array_equal(shown(page), editing.inpaint(model, picture, hole, 2, 0, steps=4))
    page.get_by_label("At the picture's own size").check()
    expect(page.get_by_label("With soft edges")).to_be_hidden()
    page.get_by_role("button", name="Change it").click()
    mask = (255 * middle(171, 256)[:, :, None]).astype(np.uint8)
    expect(page.locator(".facts")).to_contain_text(f"{np.count_nonzero(mask):,}")
    whole, _ = editing.inpaint_whole(model, photograph("china"), mask, 2, 0, steps=4)
    assert np.array_equal(shown(page), whole)


def test_a_picture_goes_to_its_noise_and_back_and_to_another(visit: Visit, model: PictureModel, three: np.ndarray) -> None:
    page = visit("pictures?step=change&edit=invert&walk=25")
    page.get_by_role("button", name="Change it").click()
    back = editing.inverted(model, three[None], 25)
    assert np.array_equal(shown(page), np.concatenate([three[None], back.pictures]))
    expect(page.get_by_role("button", name="Save noise.npz")).to_be_visible()
    expect(page.locator(".facts")).to_contain_text("residual")
    page.get_by_label("How", exact=True).select_option("interpolate")
    page.get_by_role("slider", name="How many").fill("3")
    page.get_by_role("button", name="Change it").click()
    expect(page.locator(".made img")).to_have_count(3)
    pair = np.stack([three, read_images("digits").pixels[8]])
    assert np.array_equal(shown(page), editing.interpolate(model, pair, 3, 25))


def test_a_grey_model_is_shown_grey_and_what_is_not_exact_is_said(visit: Visit, answer: Answer, model: PictureModel) -> None:
    page = visit("pictures?step=change&picture=china&steps=4&many=2&run=1")
    given = page.get_by_role("img", name="The picture as the model sees it")
    expect(given).to_be_visible()
    url = given.evaluate("canvas => canvas.toDataURL('image/png')")
    canvas = np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB")).astype(int)
    assert (canvas == canvas[:, :, :1]).all() and canvas.std() > 10
    assert np.abs(canvas[:, :, 0] - editing.fitted(model, photograph("china"))[:, :, 0]).mean() < 12  # another resampling
    note = "The noise is not exact: a step of the way back misses by up to 0.2"
    reply = {"summary": {"edit": "invert", "residual": 0.2, "note": note}, "files": [], "preview": {"images": []}}
    answer("**/api/edits", lambda route: route.fulfill(json=reply))
    page.get_by_label("How", exact=True).select_option("invert")
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_role("status").filter(has_text=note)).to_be_visible()
