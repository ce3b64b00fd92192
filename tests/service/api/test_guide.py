"""The guide's four calls, as the guide writes them; /path/to/ is the workspace."""

from __future__ import annotations

import base64
import io
import json
import math

import numpy as np
import pytest
from PIL import Image

from reverie.process import NoiseSchedule
from reverie.service.tasks import TASKS
from reverie.studies import analyse, forward, statistics
from reverie.studies.reverse import photographs

GUIDE = "/api/diffusion/"


@pytest.fixture
def photo(root):
    """path/to/image.jpg of the workspace."""
    path = root / "path" / "to" / "image.jpg"
    path.parent.mkdir(parents=True)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(path)
    return path


def pixels(url: str) -> np.ndarray:
    assert url.startswith("data:image/png;base64,")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2], validate=True)), formats=("PNG",)))


def test_analyse_as_the_guide_writes_it(client, photo, root):
    body = {
        "image_path": "/path/to/image.jpg",
        "num_steps": 20,
        "save_visualization": True,
        "output_path": "/path/to/output.png",
    }
    reply = client.post(GUIDE + "analyze-diffusion-process", json=body)
    assert reply.status_code == 200, reply.text
    found, study = reply.json(), analyse(str(photo), 20)
    assert set(found) == {"analysis", "timestamp"}
    analysis = found["analysis"]
    assert {"alpha_cumprod", "signal_to_noise_ratio", "timesteps", "visualization_images", "metadata"} <= set(analysis)
    assert analysis["timesteps"] == [frame.t for frame in study.frames] and len(analysis["visualization_images"]) == 20
    assert analysis["signal_to_noise_ratio"] == pytest.approx([frame.snr_db for frame in study.frames])
    assert analysis["signal_to_noise_ratio"][0] is None
    for url, frame in zip(analysis["visualization_images"], study.frames, strict=True):
        assert np.array_equal(pixels(url), frame.pixels)
    assert Image.open(root / "path" / "to" / "output.png").format == "PNG"
    assert analysis["metadata"]["files"][0]["href"] == "/api/files/path/to/output.png"
    assert client.get(analysis["metadata"]["files"][0]["href"]).content == (root / "path/to/output.png").read_bytes()


def test_forward_as_the_guide_writes_it(client, root):
    timesteps = [0, 50, 100, 200, 300, 500, 700, 900, 999]
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (24, 32), dtype=np.uint8)).save(buffer, "PNG")
    url = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    body = {"image_base64": url, "timesteps": timesteps, "save_path": "/path/to/demonstration.png"}
    reply = client.post(GUIDE + "demonstrate-forward-diffusion", json=body)
    assert reply.status_code == 200, reply.text
    found, study = reply.json(), forward(buffer.getvalue(), timesteps)
    assert set(found) == {"results", "images", "metadata", "timestamp"}
    assert list(found["results"]) == [f"t_{t}" for t in timesteps] == list(found["images"])
    for frame in study.frames:
        numbers = found["results"][f"t_{frame.t}"]
        assert numbers["alpha_cumprod"] == frame.alpha_bar and numbers["image_shape"] == [24, 32, 1]
        assert numbers["noise_power"] == frame.noise_power and numbers["signal_power"] == frame.signal_power
        assert np.array_equal(pixels(found["images"][f"t_{frame.t}"]), frame.pixels[:, :, 0])
    power = study.picture.power
    abar = float(NoiseSchedule.linear().alpha_bar[500])
    assert found["results"]["t_500"]["signal_to_noise_ratio"] == pytest.approx(10 * math.log10(abar * power / (1 - abar)))
    assert (root / "path" / "to" / "demonstration.png").is_file()
    del body["timesteps"], body["save_path"]
    assert list(client.post(GUIDE + "demonstrate-forward-diffusion", json=body).json()["results"]) == list(found["results"])


def test_reverse_as_the_guide_writes_it(client, root, monkeypatch):
    body = {"width": 512, "height": 512, "num_steps": 50, "eta": 0.0, "save_path": "/path/to/denoising.png"}
    small = {**body, "width": 256, "height": 256, "num_steps": 10}  # the same call in seconds less
    reply = client.post(GUIDE + "demonstrate-reverse-diffusion", json=small)
    assert reply.status_code == 200, reply.text
    found = reply.json()
    assert set(found) == {"results", "images", "final_image", "metadata", "timestamp"}
    assert [numbers["timestep"] for numbers in found["results"].values()] == [1000 - 100 * i for i in range(10)]
    assert all({"timestep", "alpha_cumprod", "variance", "eta"} <= set(numbers) for numbers in found["results"].values())
    assert found["metadata"]["evidence"] == "exact"
    gaps = np.abs(photographs(256, 256).astype(int) - pixels(found["final_image"])).max((1, 2, 3))
    assert gaps.min() == 0  # what the exact denoiser of these pictures ends at
    assert (root / "path" / "to" / "denoising.png").is_file()
    asked = []
    monkeypatch.setattr("reverie.service.derive.answer", lambda *told, **_: asked.append(told) or _done())
    assert client.post(GUIDE + "demonstrate-reverse-diffusion", json=body).status_code == 200
    assert asked[0][2:] == ("reverse", body | {"save_path": "path/to/denoising.png"})  # one place has one name


async def _done():
    from fastapi import Response

    return Response("{}", media_type="application/json")


def test_statistics_as_the_guide_writes_it(client):
    reply = client.get(GUIDE + "diffusion-statistics")
    assert reply.status_code == 200 and set(reply.json()) == {"statistics", "timestamp"}
    assert reply.json()["statistics"] == json.loads(json.dumps(statistics()))
    keys = {"config", "beta_statistics", "alpha_statistics", "signal_to_noise_statistics", "noise_schedule_keys"}
    assert set(reply.json()["statistics"]) == keys
    other = client.get(GUIDE + "diffusion-statistics?name=cosine&steps=50").json()["statistics"]
    assert other["config"]["num_timesteps"] == 50


def test_no_answer_holds_an_infinity(client):
    for config in ("name=linear&steps=1", "name=cosine&zero_terminal_snr=true"):
        text = client.get(GUIDE + f"diffusion-statistics?{config}").text
        assert "Infinity" not in text and "NaN" not in text


def test_a_path_of_windows_names_the_same_file(client, photo):
    body = {"image_path": "path\\to\\image.jpg", "timesteps": [0], "save_path": "\\figures\\a.png"}
    reply = client.post(GUIDE + "demonstrate-forward-diffusion", json=body)
    assert reply.json()["metadata"]["files"][0]["name"] == "figures/a.png"


@pytest.mark.parametrize(
    ("path", "field", "body"),
    [
        ("analyze-diffusion-process", "image_path", {"image_path": "//host/path/to/image.jpg"}),
        ("analyze-diffusion-process", "output_path", {"image_path": "digits:0", "output_path": "\\\\host\\output.png"}),
        ("demonstrate-forward-diffusion", "save_path", {"image_path": "digits:0", "save_path": "C:\\path\\to\\a.png"}),
        ("demonstrate-reverse-diffusion", "save_path", {"save_path": "~/denoising.png"}),
    ],
)
def test_other_machines_drives_and_homes_are_refused_with_the_name_that_would_do(client, path, field, body):
    reply = client.post(GUIDE + path, json=body)
    assert reply.status_code == 422
    (error,) = reply.json()["errors"]
    assert error["field"] == field and error["message"].startswith(f"{field}: name the file relative to the workspace, as '")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("analyze-diffusion-process", {"image_path": "digits:0", "num_steps": 4}),
        ("analyze-diffusion-process", {"image_path": "digits:0", "num_steps": 101}),
        ("analyze-diffusion-process", {}),
        ("analyze-diffusion-process", {"image_path": "digits:0", "image_base64": "AAAA"}),
        ("analyze-diffusion-process", {"image_path": "digits:0", "save_visualization": False, "output_path": "a.png"}),
        ("analyze-diffusion-process", {"image_path": "digits:0", "unknown": 1}),
        ("demonstrate-forward-diffusion", {"image_path": "digits:0", "timesteps": []}),
        ("demonstrate-forward-diffusion", {"image_path": "digits:0", "timesteps": [1.5]}),
        ("demonstrate-forward-diffusion", {"image_path": "digits:0", "timesteps": [True]}),
        ("demonstrate-forward-diffusion", {"image_path": "digits:0", "timesteps": [5, 5]}),
        ("demonstrate-forward-diffusion", {"image_path": "digits:0", "timesteps": [1001]}),
        ("demonstrate-reverse-diffusion", {"width": 255}),
        ("demonstrate-reverse-diffusion", {"height": 1025}),
        ("demonstrate-reverse-diffusion", {"num_steps": 9}),
        ("demonstrate-reverse-diffusion", {"num_steps": 201}),
        ("demonstrate-reverse-diffusion", {"eta": 1.1}),
        ("demonstrate-reverse-diffusion", {"width": 256, "height": 256, "num_steps": 10, "eta": 0.5, "sampler": "heun"}),
        ("demonstrate-reverse-diffusion", {"model": "runs/x", "width": 256}),
    ],
)
def test_what_is_out_of_range_or_contradicts_itself_is_422(client, path, body):
    reply = client.post(GUIDE + path, json=body)
    assert reply.status_code == 422 and reply.headers["content-type"].startswith("application/problem+json")


def test_a_bundled_picture_that_was_meant_is_named(client):
    reply = client.post(GUIDE + "analyze-diffusion-process", json={"image_path": "digit:3"})
    assert reply.status_code == 422 and "did you mean digits:3" in reply.json()["detail"]


def test_numbers_that_are_not_finite_are_refused(client):
    for value in ("NaN", "Infinity", "1e999"):
        text = f'{{"eta": {value}}}'
        headers = {"content-type": "application/json"}
        assert client.post(GUIDE + "demonstrate-reverse-diffusion", content=text, headers=headers).status_code == 422


def test_work_units_are_capped_with_the_cap_named(client, root):
    Image.new("L", (500, 500)).save(root / "large.png")
    body = {"image_path": "large.png", "num_steps": 100, "max_side": 512}
    reply = client.post(GUIDE + "analyze-diffusion-process", json=body)
    assert reply.status_code == 422 and "at most 8,000,000" in reply.json()["detail"]
    assert client.post(GUIDE + "analyze-diffusion-process", json={**body, "max_side": 32}).status_code == 200


def test_nothing_is_overwritten_unless_asked(client, root):
    (root / "mine.png").write_bytes(b"mine")
    body = {"image_path": "digits:0", "timesteps": [0], "save_path": "mine.png"}
    assert client.post(GUIDE + "demonstrate-forward-diffusion", json=body).status_code == 409
    assert (root / "mine.png").read_bytes() == b"mine"
    assert client.post(GUIDE + "demonstrate-forward-diffusion", json={**body, "overwrite": True}).status_code == 200
    assert (root / "mine.png").read_bytes().startswith(b"\x89PNG")


def test_a_figure_without_a_name_stays_with_the_job(client, root):
    body = {"image_path": "china", "num_steps": 5, "save_visualization": True}
    file = client.post(GUIDE + "analyze-diffusion-process", json=body).json()["analysis"]["metadata"]["files"][0]
    assert file["href"].startswith("/api/jobs/") and client.get(file["href"]).content.startswith(b"\x89PNG")
    assert [path.name for path in root.iterdir()] == [".reverie"]


def test_a_trained_run_demonstrates_itself_and_says_so(client, trained):
    body = {"model": "runs/digits", "num_steps": 10}
    found = client.post(GUIDE + "demonstrate-reverse-diffusion", json=body).json()
    assert found["metadata"]["evidence"] == "learned" and found["metadata"]["image_shape"] == [8, 8, 1]
    reply = client.post(GUIDE + "demonstrate-reverse-diffusion", json={"model": "runs/patients"})
    assert reply.status_code == 422 and "not trained on pictures" in reply.json()["detail"]
    assert client.post(GUIDE + "demonstrate-reverse-diffusion", json={"model": "runs/none"}).status_code == 404


def test_large_demonstrations_go_to_the_slow_lane(client, monkeypatch):
    asked = []
    monkeypatch.setattr("reverie.service.derive.answer", lambda *told, **_: asked.append(told[2]) or _done())
    for steps in (20, 200):
        client.post(GUIDE + "demonstrate-reverse-diffusion", json={"width": 1024, "height": 1024, "num_steps": steps})
    assert asked == ["reverse", "reverse-large"]
    assert (TASKS["reverse"].lane, TASKS["reverse-large"].lane) == ("quick", "slow")
