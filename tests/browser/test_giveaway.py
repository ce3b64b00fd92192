"""Pages that were given away, opened from the disk by a browser without a network: they show and draw the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from playwright.sync_api import Browser, Page, expect

from reverie.config import Sampling, Source, resolve
from reverie.config.sections import Distilled
from reverie.giveaway import LIMIT, run_page
from reverie.giveaway.patients import PATIENTS
from reverie.images import ImageCodec
from reverie.models import PatientModel, PictureModel
from reverie.models.few_calls import CONSISTENCY
from reverie.models.model import untrained
from reverie.records import Table, read_table
from reverie.samplers import SAMPLERS

Visit = Callable[..., Page]
PIXELS = """async canvas => {
  const pixels = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  pixels.drawImage(canvas, 0, 0);
  return Array.from(pixels.getImageData(0, 0, canvas.width, canvas.height).data);
}"""
SIZE = {"width": 320, "height": 640}


@pytest.fixture
def opened(chromium: Browser) -> Iterator[Callable[[Path], Page]]:
    """Opens a file, cut off from every network; whatever it asks for or complains of fails the test."""
    context = chromium.new_context(offline=True, viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    page, wrong = context.new_page(), []
    page.on("request", lambda request: wrong.append(request.url) if not request.url.startswith(("file:", "blob:")) else None)
    page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))

    def go(path: Path) -> Page:
        page.goto(path.as_uri())
        return page

    yield go
    page.set_viewport_size(SIZE)
    page.wait_for_function("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    context.close()
    assert wrong == []


def drawn(codec: ImageCodec, scale: float, sampling: Sampling | None = None, **settings: object) -> PictureModel:
    """A small model, every weight of which is drawn: all that a network computes is in what it says."""
    settings = {"network.width": 16, "training.precision": "fp32", **settings}
    config = resolve(Source(name="dots", classes=len(codec.classes)), 0, "pictures", settings)
    network = untrained(config.model_copy(update={"sampling": sampling}), codec.channels)
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in network.module.parameters():
            weight.add_(scale * torch.randn(weight.shape, generator=draw))
    network.module.eval()
    return PictureModel(config.model_copy(update={"sampling": sampling}), codec, network)


COLOUR = (ImageCodec(9, 7, 3, ("a", "b", "<i>")), 0.06)
GREY = (ImageCodec(8, 8, 1), 0.06, Sampling(sampler="ancestral", steps=10, spacing="trailing", clip=1.0))
OTHER = {
    "schedule.name": "linear",
    "training.predict": "noise",
    "training.learned_variance": True,
    "network.attention": False,
    "network.blocks": 2,
    "network.multipliers": [1, 2, 2],
}


def off(page: Page, model: PictureModel, sampler: str, seed: int, steps: int, more: str = "", **settings: object) -> int:
    """Draws four pictures in the page: the largest distance from the library's, in grey levels."""
    page.goto(f"{page.url.partition('#')[0]}#count=4&sampler={sampler}&seed={seed}&steps={steps}{more}")
    expect(page.locator("#said")).to_contain_text(f"seed {seed}, {steps} steps of {sampler}:")
    height, width, channels = model.codec.height, model.codec.width, model.codec.channels
    sheet = np.array(page.locator("#sheet").evaluate(PIXELS), np.uint8).reshape(2 * height + 1, 2 * width + 1, 4)
    there = np.stack([sheet[i : i + height, j : j + width, :channels] for i in (0, height + 1) for j in (0, width + 1)])
    here = model.sample(4, seed, sampler, steps, exact=True, **settings)
    assert ((here > 0) & (here < 255)).mean() > 0.2, "there is something to compare"
    return int(np.abs(there.astype(int) - here).max())


def test_a_run_draws_the_pictures_of_the_library_within_one_grey_level(
    opened: Callable[[Path], Page], tmp_path: Path
) -> None:
    model, path = drawn(*COLOUR, **{"network.patch": 2, "network.groups": 4}), tmp_path / "dots.html"
    path.write_text(run_page(model, "dots"))
    page = opened(path)
    for sampler in (name for name in SAMPLERS if name != CONSISTENCY):
        assert off(page, model, sampler, 3, 5) <= 1, sampler
    assert off(page, model, "ddim", 4, 5, "&class=*&guidance=2.5", where={"class": "*"}, guidance=2.5) <= 1
    told = {"where": {"class": "*"}, "guidance": 2.5}
    guided, plain = (model.sample(4, 4, "ddim", 5, exact=True, **each) for each in (told, {}))
    assert np.abs(guided.astype(int) - plain).max() > 1, "the class and its guidance are to be seen"
    expect(page.get_by_label("Class").locator("option")).to_have_text(["any", "each in turn", "a", "b", "<i>"])


def test_so_does_a_run_of_other_settings(opened: Callable[[Path], Page], tmp_path: Path) -> None:
    model, path = drawn(*GREY, **OTHER), tmp_path / "grey.html"
    path.write_text(run_page(model, "grey"))
    assert off(opened(path), model, "ancestral", 1, 10) <= 1


def test_so_does_a_run_of_few_calls(opened: Callable[[Path], Page], tmp_path: Path) -> None:
    model = drawn(ImageCodec(8, 8, 1), 0.06, Sampling(sampler=CONSISTENCY, steps=4, spacing="angle"))
    few = Distilled(calls=4, teacher_steps=8, seed=0)
    model, path = replace(model, config=model.config.model_copy(update={"distilled": few})), tmp_path / "few.html"
    path.write_text(run_page(model, "few"))
    assert off(opened(path), model, CONSISTENCY, 2, 4) <= 1


def test_patients_are_looked_at_one_after_another(
    opened: Callable[[Path], Page], tmp_path: Path, drawn_model: Callable[[Table], PatientModel]
) -> None:
    frame = pl.DataFrame({"id": [i // 2 for i in range(40)], "day": [0, 7] * 20, "hb": [9 + i % 5 for i in range(40)]})
    model, path = drawn_model(read_table(frame)), tmp_path / "patients.html"
    path.write_text(run_page(model, "patients"))
    made = model.sample(PATIENTS, 0).partition_by("id", maintain_order=True)
    page = opened(path)
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("status")).to_contain_text(f"Patient 2 of {PATIENTS}: {len(made[1])} visit")
    shown = [[cell or None for cell in row.split("\t")] for row in page.locator("#body tr").all_inner_texts()]
    assert shown == [["–" if cell is None else f"{cell:g}" for cell in row] for row in made[1].drop("id").iter_rows()]
    expect(page.get_by_role("img")).to_have_count(1)


@pytest.mark.parametrize("size", ["wide"], indirect=True)
def test_a_saved_view_is_the_same_without_its_server(visit: Visit, opened: Callable[[Path], Page], tmp_path: Path) -> None:
    page = visit("reverse?size=16&steps=6&seed=3")
    expect(page.locator(".transport output")).to_contain_text("0 of 6,")
    picture = "canvas => canvas.toDataURL('image/png')"
    there = [page.locator(".pane canvas").nth(place).evaluate(picture) for place in (0, 1)]
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as a page").click()
    path = tmp_path / "view.html"
    download.value.save_as(path)
    assert path.stat().st_size < LIMIT
    page = opened(path)
    expect(page.locator(".transport output")).to_contain_text("0 of 6,")
    assert [page.locator(".pane canvas").nth(place).evaluate(picture) for place in (0, 1)] == there
    page.get_by_role("button", name="Step", exact=True).click()
    expect(page.locator(".transport output")).to_contain_text("1 of 6,")
    page.get_by_role("button", name="New noise", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("This is a saved page")
