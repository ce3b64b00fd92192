"""The lesson states no number that the library would not, leads where it says, and keeps what was answered."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from playwright.sync_api import Page, expect

from reverie.denoisers import Clipped, GaussianMixture, Guided
from reverie.denoisers.conditions import Labels
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.samplers import DDIM, sample
from reverie.studies import denoising
from reverie.studies.mistakes.chains import around

Visit = Callable[..., Page]
pytestmark = pytest.mark.parametrize("size", ["wide"], indirect=True)
SETTINGS = {"0", "1", "2", "3", "500", "1000"}  # of what is shown, and ends of scales: no results
TOLD = """async () => {
    const { stepsOf } = await import("/static/views/lesson/steps.js");
    const { numbersOf } = await import("/static/views/lesson/numbers.js");
    const curve = async (name) => (await (await fetch(`/api/schedules/${name}?only=alpha_bar`)).json()).alpha_bar;
    const numbers = numbersOf({ linear: await curve("linear"), cosine: await curve("cosine") });
    return stepsOf(numbers).map(({ key, title, text, ask, choices, look, more = [] }) => {
        const all = document.createElement("div");
        const put = (part) => Array.isArray(part) ? part.forEach(put) : part !== null && all.append(part, " ");
        put([title, text, ask, choices.map(({ words, why }) => [words, why])]);
        const stated = [...all.querySelectorAll("data")].map((each) => [each.dataset.of, +each.value, each.textContent]);
        all.querySelectorAll("data, math").forEach((each) => each.remove());
        const led = [look, ...more].filter(({ view }) => view);
        const links = led.map(({ view, params }) => `${view}?${new URLSearchParams(params)}`);
        return { key, stated, words: all.textContent, right: choices.map(({ right = false }) => right), links };
    });
}"""


def expected() -> dict[str, float]:
    """Each number of the lesson, by the library."""
    process = GaussianProcess(NoiseSchedule.linear())
    schedule, cosine = process.schedule, NoiseSchedule.cosine()
    one = torch.ones(1, 1, dtype=torch.float64)
    of_clean, of_state = (process.posterior(a * one, b * one, 499, 500).mean.item() for a, b in ((1, 0), (0, 1)))
    fed_back = next(row.numbers for row in (run() for run in around.entries) if row.number == "9a")

    starts = torch.linspace(-4, 4, 801, dtype=torch.float64)[:, None]
    weights = torch.exp(-(starts**2) / 2)
    grid = tuple(range(1000, -1, -4))

    def ends(denoiser: Any, condition: Any = None) -> tuple[float, float]:
        x = sample(denoiser, DDIM(), grid, starts, condition=condition)
        mean = (weights * x).sum() / weights.sum()
        return mean.item(), ((weights * (x - mean) ** 2).sum() / weights.sum()).sqrt().item()

    two = GaussianMixture(process, torch.tensor([[-1.0], [1.0]]).double(), torch.tensor([0.6, 0.6], dtype=torch.float64))
    second = Labels(torch.ones(801, dtype=torch.int64))
    guided = {scale: ends(Guided(two, scale), second) for scale in (1.0, 3.0)}
    wide = GaussianMixture(process, torch.zeros(1, 1).double(), torch.tensor([2.0]).double())
    return {
        "beta_first": schedule.beta[1].item(),
        "beta_last": schedule.beta[-1].item(),
        "power_close": schedule.alpha_bar[500].item(),
        "power_last": schedule.alpha_bar[-1].item(),
        "half_linear": int((schedule.alpha_bar < 0.5).nonzero()[0]),
        "half_cosine": int((cosine.alpha_bar < 0.5).nonzero()[0]),
        "cosine_close": cosine.alpha_bar[500].item(),
        "weight_clean": of_clean,
        "weight_state": of_state,
        "witness_clean": schedule.sigma[499].item(),
        "witness_state": math.sqrt(schedule.beta[500] / schedule.alpha[500]),
        "noise_taken": (schedule.beta[500] / schedule.sigma[500]).item(),
        "fed_back_at": 474,
        "fed_back_right": fed_back["right"],
        "fed_back_wrong": fed_back["wrong"],
        "guided_mean_1": guided[1.0][0],
        "guided_deviation_1": guided[1.0][1],
        "guided_mean_3": guided[3.0][0],
        "guided_deviation_3": guided[3.0][1],
        "wide_kept": ends(wide)[1],
        "wide_clipped": ends(Clipped(wide))[1],
    }


def test_every_number_is_the_librarys_and_every_claim_holds(visit: Visit) -> None:
    page = visit("lesson?step=end")
    steps, known = page.evaluate(TOLD), expected()
    stated = [each for step in steps for each in step["stated"]]
    assert {name for name, _, _ in stated} == set(known)
    for name, value, shown in stated:
        assert value == pytest.approx(known[name], rel=1e-9), name
        digits = float(shown.replace("%", "").replace("−", "-"))
        assert digits == pytest.approx((100 if "%" in shown else 1) * value, rel=0.05), f"{name} is shown as {shown}"
    for step in steps:
        assert set(re.findall(r"\d+(?:\.\d+)?", step["words"])) <= SETTINGS, f"a number in {step['key']} is not computed"
        assert sum(step["right"]) == 1
    # what is said in words
    assert known["guided_mean_3"] > known["guided_mean_1"] + 0.1 > 1
    assert known["guided_deviation_3"] < known["guided_deviation_1"] - 0.05
    assert known["wide_clipped"] < 1 and known["wide_kept"] > 1.9
    assert known["weight_state"] > 0.9 > 100 * known["weight_clean"] > 0
    process = GaussianProcess(NoiseSchedule.linear())
    early = process.posterior(torch.zeros(1, 1), torch.zeros(1, 1), 1, 2)
    assert math.isclose(process.schedule.beta[1], process.schedule.beta[2] / process.schedule.alpha[2], rel_tol=0.25)
    assert early.variance.item() < process.schedule.beta[1]
    exact = denoising.exact(64, 64).denoiser
    noise = torch.randn(8, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert float(exact.weights(noise, 1000).min()) > 0.02  # noise rules out none of the six


def test_every_link_opens_its_view_without_an_error(visit: Visit) -> None:
    page = visit("lesson?step=end")
    leads = page.locator(".lesson-leads a").evaluate_all("links => links.map((link) => link.hash.slice(2))")
    links = {link for step in page.evaluate(TOLD) for link in step["links"]} | set(leads)
    assert len(links) >= 10
    assert "playground" in links
    for link in sorted(links):
        page = visit(link, idle=False)
        expect(page.locator(".view").locator("> *").first).to_be_attached()
        expect(
            page.locator(".view canvas, .view img, .view svg, .view fieldset, .view math, .view input").first
        ).to_be_attached()
        expect(page.get_by_role("alert")).to_have_count(0)
        if link == "playground":
            page.get_by_role("button", name="Stop").click()  # nobody waits for what it learns here


def test_a_step_shows_the_thing_and_says_why_an_answer_is_right_or_not(visit: Visit) -> None:
    page = visit("lesson", fresh=True)
    expect(page.get_by_role("heading", level=2, name="A picture drowns")).to_be_visible()
    expect(page.locator(".lesson-stage .subject-canvas")).to_be_visible()  # the forward view itself
    question = page.get_by_role("group", name="After 500 of the 1000 steps")
    question.get_by_label("Half of it").check()
    expect(question.get_by_role("status")).to_contain_text("No.Half of the steps are not half of the noise")
    question.get_by_label("About 7.9 %").check()
    expect(question.get_by_role("status")).to_contain_text("Yes.Alpha-bar is 0.0786 there")
    page.get_by_role("link", name="Next: How fast it drowns").click()
    expect(page.get_by_role("heading", level=2, name="How fast it drowns")).to_be_visible()
    assert "step=schedule" in page.url
    page = visit("lesson", fresh=True)  # goes on where one was, and knows what was answered
    expect(page.get_by_role("heading", level=2, name="How fast it drowns")).to_be_visible()
    done = page.get_by_role("navigation", name="Steps of the lesson").get_by_role(
        "link", name="A picture drowns (answered rightly)"
    )
    done.click()
    expect(page.get_by_label("About 7.9 %")).to_be_checked()


@pytest.mark.parametrize(
    ("step", "control", "value", "says"),
    [
        ("posterior", "Step t", "2", "Weight of the picture 0.5"),
        ("guidance", "Guidance w", "1", "Mean 1.00 and deviation 0.59 of what is made"),
        ("clipped", "Deviation of the data", "0.2", "Deviation 0.19 of what is made; of the data 0.20"),
        ("fed-back", "State", "0", "1.0 of the picture"),
    ],
)
def test_figures_follow_their_controls(visit: Visit, step: str, control: str, value: str, says: str) -> None:
    page = visit(f"lesson?step={step}")
    page.locator(".lesson-stage").get_by_role("slider", name=control).fill(value)
    expect(page.locator(".lesson-stage")).to_contain_text(says)
