"""What was drawn is learned, the browser computes what the library computes, and a mistake raises its number."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import torch
from playwright.sync_api import Page, expect

from reverie.process import GaussianProcess, NoiseSchedule
from reverie.studies.playground import Drawing, playground

Visit = Callable[..., Page]
ONE_SIZE = pytest.mark.parametrize("size", ["wide"], indirect=True)
SMALL = "training=40&steps=8"
AGREE = """async ([result, places, alphaBar]) => {
  const { exactDenoiser, learnedDenoiser } = await import("/static/views/playground/mlp.js");
  const exact = exactDenoiser(result)(places, alphaBar);
  const learned = learnedDenoiser(result.network)(places, alphaBar);
  return { exact: [...exact.noise], density: [...exact.density], learned: [...learned] };
}"""


@ONE_SIZE
def test_the_browser_computes_what_the_library_computes(visit: Visit) -> None:
    drawing = Drawing(((-1.0, 0.5), (0.2, 0.1), (1.5, -1.2)), (1.0, 2.0, 0.5), 0.2)
    process = GaussianProcess(NoiseSchedule.cosine())
    page = visit("lesson?step=end")
    x = torch.tensor([[0.3, -1.1], [-2.0, 2.4], [0.0, 0.0]], dtype=torch.float64)
    for predict in ("noise", "clean", "velocity"):
        made = playground(drawing, NoiseSchedule.cosine(), predict, steps=2, training_steps=8)
        reply = made.reply(1)
        made.run.trained.module.double()
        for t in (20, 500, 990):
            alpha_bar = float(process.schedule.alpha_bar[t])
            found = page.evaluate(AGREE, [reply, x.flatten().tolist(), alpha_bar])
            assert found["exact"] == pytest.approx(drawing.denoiser(process)(x, t).noise.flatten().tolist(), abs=1e-6)
            assert found["learned"] == pytest.approx(made.run.trained.network(x, t).noise.flatten().tolist(), abs=1e-6)
            assert found["density"] == pytest.approx(drawing.log_density(process, x, t).tolist(), abs=1e-6)


def test_what_is_drawn_is_learned_and_a_mistake_raises_its_number(visit: Visit) -> None:
    page = visit(f"playground?{SMALL}")
    pad = page.get_by_role("application")
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("Nothing is drawn yet")).to_be_visible()
    expect(page.get_by_role("button", name="Train and compare")).to_be_disabled()
    expect(page.locator(".plays")).to_be_hidden()
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.3 * box["height"], steps=12)
    page.mouse.up()
    pad.press("ArrowDown")
    pad.press("Space")
    expect(page.get_by_text("14 points.", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(r"points=[\w-]{56}(&|$)"))
    table = page.get_by_role("region", name="The numbers")
    expect(table).to_contain_text("95% below")  # by itself, once nothing more is drawn
    expect(page.get_by_role("img", name="Samples by the learned score of 14 points")).to_be_visible()
    page.get_by_role("img", name="Samples by the learned score").press("Shift+ArrowRight")
    expect(page.locator(".plays p[role=status]")).to_have_text("x 0.5, y 0.0")
    page.get_by_role("img", name="Samples by the learned score").press("Space")
    expect(page.locator(".plays p[role=status]")).to_have_text(re.compile("From x 0.5, y 0.0 the flow leads to x "))
    page.get_by_role("switch", name="9d. Random numbers for a prediction").check()
    expect(table).to_contain_text("without the mistake")
    wrong, right = (float(text) for text in table.locator("tr", has_text="learned").locator("td").all_inner_texts()[:2])
    assert wrong > 2 * right
    expect(page).to_have_url(re.compile("mistake=9d"))
    page.get_by_role("radio", name="clean").press("Space")
    expect(page).to_have_url(re.compile("predict=clean"))


@ONE_SIZE
def test_a_mistake_takes_the_setting_that_it_needs_and_leaves_with_it(visit: Visit) -> None:
    page = visit(f"playground?shape=rings&{SMALL}&at=0")
    page.get_by_role("switch", name="5a.").check()
    expect(page.get_by_label("Sampler", exact=True)).to_have_value("ancestral")
    expect(page.get_by_text("With mistake 5a")).to_be_visible()
    page.get_by_label("Sampler", exact=True).select_option("heun")
    expect(page.get_by_role("switch", name="5a.")).not_to_be_checked()
    expect(page.get_by_text("With mistake 5a")).to_be_hidden()
    expect(page).not_to_have_url(re.compile("mistake="))
