"""What the page draws is what the library computes: schedules, pictures, noise, series, trajectories, samplers, proofs."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from reverie.denoisers.registry import recipes
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.records import read_table
from reverie.studies import reverse, subject
from reverie.studies.denoising import grainy, oracle
from reverie.studies.frames import corrupted


def pixels(url: str) -> np.ndarray:
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2], validate=True)), formats=("PNG",)))
    return picture if picture.ndim == 3 else picture[:, :, None]


def test_about_names_all_that_calls_understand(client):
    found = client.get("/api/about").json()
    samplers = {each["name"]: each for each in found["samplers"]}
    assert samplers["ddim"]["settings"] == {"eta": 0.0} and samplers["dpmpp_sde"]["stochastic"]
    assert found["schedules"]["cosine"] == {"steps": 1000, "offset": 0.008, "max_beta": 0.999}
    assert "from_betas" not in found["schedules"] and found["tables"] == ["pbc2"]
    assert set(found["recipes"]) == set(recipes()) and "china" in found["pictures"]
    told = client.get("/openapi.json").json()["components"]["schemas"]["Training"]["properties"]["recipe"]["anyOf"][0][
        "enum"
    ]
    assert set(told) == set(recipes())
    assert found["limits"]["pixels"] == 16_000_000
    assert not {"workspace", "host", "keys", "queue_url", "telemetry"} & set(found["limits"])


def test_a_schedule_is_the_librarys_to_the_last_digit(client):
    found = client.get("/api/schedules/linear?steps=500&beta_max=0.02").json()
    schedule = NoiseSchedule.linear(500)
    assert found["config"] == dict(schedule.config) and found["t"] == list(range(501)) and found["warning"] is None
    for name, table in (("beta", schedule.beta), ("alpha_bar", schedule.alpha_bar), ("noise", schedule.sigma)):
        assert found[name] == table.tolist()
    assert found["log_snr"][0] is None and found["log_snr"][1:] == schedule.log_snr[1:].tolist()
    assert "still carries signal" in client.get("/api/schedules/linear?steps=50").json()["warning"]
    assert client.get("/api/schedules/linear?steps=50&zero_terminal_snr=true").json()["snr_db"][-1] is None


def test_one_table_of_a_schedule_can_be_had_alone_and_compressed(client):
    whole = client.get("/api/schedules/linear")
    one = client.get("/api/schedules/linear?only=alpha_bar").json()
    assert set(one) == {"config", "warning", "t", "alpha_bar"} and one["alpha_bar"] == whole.json()["alpha_bar"]
    assert whole.headers["content-encoding"] == "gzip" and whole.headers["vary"] == "accept-encoding"
    plain = client.get("/api/schedules/linear", headers={"accept-encoding": "gzip;q=0"})
    assert "content-encoding" not in plain.headers and plain.json() == whole.json()
    assert client.get("/api/schedules/linear?only=gamma").status_code == 422


@pytest.mark.parametrize(
    "path",
    [
        "linear?steps=2001",
        "linear?steps=0",
        "linear?steps=x",
        "linear?offset=0.1",
        "linear?beta_min=0.5&beta_max=0.1",
        "linear?beta_max=nan",
        "linear?colour=red",
        "linaer",
        "from_betas",
    ],
)
def test_a_schedule_that_cannot_be_is_422(client, path):
    assert client.get(f"/api/schedules/{path}").status_code == 422


def test_bundled_pictures_are_those_of_the_studies(client):
    listed = {each["name"]: each for each in client.get("/api/pictures").json()["pictures"]}
    assert {*(f"digits:{i}" for i in range(10)), "china", "flower"} == set(listed)
    for name in ("digits:3", "china"):
        reply = client.get(f"/api/pictures/{name}")
        found = np.asarray(Image.open(io.BytesIO(reply.content)))
        assert reply.headers["content-type"] == "image/png" and max(found.shape) <= 256
        assert np.array_equal(found.reshape(subject(name).pixels.shape), subject(name).pixels)
        assert (listed[name]["height"], listed[name]["width"]) == found.shape[:2]
    for name in ("digits:11", "cat", "..%2fetc", "china.jpg"):
        assert client.get(f"/api/pictures/{name}").status_code == 404


def test_the_noise_of_a_seed_forms_the_states_of_the_demonstration(client):
    found = subject("digits:3")
    reply = client.get("/api/noise?height=8&width=8&channels=1&seed=5")
    noise = torch.from_numpy(np.frombuffer(reply.content, "<f4").reshape(1, 1, 8, 8).copy())
    schedule = NoiseSchedule.linear()
    for t, x_t in zip((1, 500, 1000), corrupted(found.x_0, (1, 500, 1000), schedule, 5), strict=True):
        mine = GaussianProcess(schedule).corrupt(found.x_0, t, noise.double())
        torch.testing.assert_close(mine, x_t, atol=1e-6, rtol=0)
    for query in ("height=513&width=8", "height=0&width=8", "height=8", "height=8&width=8&channels=4"):
        assert client.get(f"/api/noise?{query}").status_code == 422


def test_a_series_is_the_patients_rows_and_the_cohorts_moments(client, root):
    found = client.get("/api/series?table=pbc2&patient=2").json()
    frame = read_table("pbc2").frame
    rows = frame.filter(frame["id"] == 2)
    assert found["time"] == rows["year"].to_list() and found["time_unit"] == "year" and "2" in found["patients"]
    column = next(each for each in found["columns"] if each["name"] == "serChol")
    assert column["values"] == rows["serChol"].to_list() and None in column["values"]
    assert column["mean"] == pytest.approx(frame["serChol"].mean())
    assert column["std"] == pytest.approx(frame["serChol"].std(ddof=0))
    (root / "mine.csv").write_bytes(read_table("pbc2").take(range(12)).frame.write_csv().encode())
    assert client.get("/api/series?table=mine.csv").json()["patient"] == "1" and client.jobs.tasks == ["series"]
    assert client.get("/api/series?table=pbc2&patient=nobody").status_code == 422
    assert client.get("/api/series?table=none.csv").status_code == 404


def test_the_bundled_table_comes_as_csv(client):
    reply = client.get("/api/tables/pbc2")
    assert reply.headers["content-type"].startswith("text/csv") and reply.text.startswith("sno.,id,years")
    assert client.get("/api/tables/pbc3").status_code == 404


# --- trajectories -------------------------------------------------------------------------------------------------------


def test_a_trajectory_holds_every_state_and_what_was_predicted(client):
    body = {"width": 16, "height": 24, "steps": 7, "sampler": "heun", "seed": 3}
    found = client.post("/api/trajectories", json=body).json()
    study = reverse(16, 24, 7, sampler="heun", seed=3, views=None)
    assert [frame["step"] for frame in found["frames"]] == list(range(8))
    for frame, view in zip(found["frames"], study.views, strict=True):
        assert frame["t"] == view.t and np.array_equal(pixels(frame["state"]), view.state)
        assert (
            frame["predicted"] is None
            if view.predicted is None
            else np.array_equal(pixels(frame["predicted"]), view.predicted)
        )
    metadata = found["metadata"]
    assert (metadata["evidence"], metadata["calls"], metadata["sampler"]) == ("exact", 13, "heun")
    assert metadata["image_shape"] == [24, 16, 3] and metadata["seconds"] > 0
    assert {step["variance"] for step in found["steps"]} == {0.0}
    assert client.jobs.heard[0].reports[-1] == (7, 7)


def test_an_oracle_ends_at_what_it_was_told(client, root):
    photo = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    Image.fromarray(photo).save(root / "photo.png")
    inside = "data:image/png;base64," + base64.b64encode((root / "photo.png").read_bytes()).decode()
    for picture in ("photo.png", inside):
        body = {"denoiser": "oracle", "picture": picture, "width": 12, "height": 9, "steps": 5}
        found = client.post("/api/trajectories", json=body).json()
        assert found["metadata"]["evidence"] == "oracle" and np.array_equal(pixels(found["frames"][-1]["state"]), photo)
    body = {"denoiser": "oracle", "picture": "digits:3", "width": 16, "height": 16, "steps": 3, "sampler": "ancestral"}
    found = client.post("/api/trajectories", json=body).json()
    told = oracle(subject("digits:3"), 16, 16)
    assert np.array_equal(pixels(found["frames"][-1]["state"]), told.codec.decode(told.denoiser.x_0)[0])
    assert found["steps"][0]["variance"] > 0 == found["steps"][-1]["variance"]


def test_a_trained_run_makes_trajectories_at_its_own_size(client, trained):
    found = client.post("/api/trajectories", json={"model": "runs/digits", "steps": 3, "sampler": "dpmpp"}).json()
    assert found["metadata"]["evidence"] == "learned" and pixels(found["frames"][0]["state"]).shape == (8, 8, 1)
    assert found["metadata"]["denoiser"] == "the model in runs/digits"


def test_a_trained_run_is_asked_for_a_class(client, trained):
    assert client.get("/api/models/runs/digits").json()["classes"] == [str(digit) for digit in range(10)]
    asked = {"model": "runs/digits", "steps": 3, "where": ["class=7"], "guidance": 3.0}
    found = client.post("/api/trajectories", json=asked).json()["metadata"]
    assert found["denoiser"] == "the model in runs/digits, of class 7, guidance 3" and found["calls"] == 6
    unknown = client.post("/api/trajectories", json=asked | {"where": ["class=coat"]})
    assert unknown.status_code == 422 and "coat" in unknown.json()["detail"]
    assert client.post("/api/trajectories", json={"steps": 3, "guidance": 2.0}).status_code == 422


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"width": 256, "height": 256, "steps": 200}, "at most 4,000,000"),
        ({"eta": 0.5, "sampler": "dpmpp"}, "eta is a setting"),
        ({"picture": "digits:3"}, "only an oracle"),
        ({"model": "runs/x", "width": 8}, "leave out width"),
        ({"width": 7}, ""),
        ({"steps": 201}, ""),
        ({"sampler": "euler"}, ""),
        ({"denoiser": "oracle", "picture": "digits:5000"}, "names no bundled digit"),
    ],
)
def test_trajectories_out_of_range_are_422_and_name_the_cap(client, body, words):
    reply = client.post("/api/trajectories", json=body)
    assert reply.status_code == 422 and words in reply.text


# --- comparisons, proofs, mistakes --------------------------------------------------------------------------------------


def test_a_comparison_is_told_cell_by_cell_and_begins_where_a_trajectory_does(client):
    body = {"width": 16, "height": 16, "samplers": ["ddim", "heun", "ancestral"], "steps": [3, 9], "reference_steps": 60}
    found = client.post("/api/comparisons", json=body).json()
    cells = {(cell["sampler"], cell["steps"]): cell for cell in found["cells"]}
    assert set(cells) == {(name, steps) for name in body["samplers"] for steps in (3, 9)}
    assert cells["heun", 9]["calls"] == 17 and cells["ddim", 9]["calls"] == 9
    assert [cell["rank"] for cell in cells.values() if cell["stochastic"]] == [None, None]
    assert sorted(cell["rank"] for cell in cells.values() if not cell["stochastic"]) == [1, 2, 3, 4]
    assert found["metadata"]["evidence"] == "exact" and found["reference"]["own_error"] < cells["ddim", 3]["error"]
    told = [data for kind, data in client.jobs.heard[0].events if kind == "metric"]
    assert [(cell["sampler"], cell["steps"]) for cell in told] == list(cells)
    by = grainy(16, 16)
    run = reverse(steps=9, sampler="ancestral", by=by, views=None)
    assert np.array_equal(pixels(found["start"]), run.views[0].state)
    assert np.array_equal(pixels(cells["ancestral", 9]["image"]), run.final)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"samplers": []}, ""),
        ({"steps": [1] * 9}, ""),
        ({"samplers": ["ddim", "ddim"]}, "twice"),
        ({"width": 128, "height": 128, "steps": [200, 199, 198, 197, 196, 195, 194, 193]}, "at most 60,000,000"),
    ],
)
def test_comparisons_out_of_range_are_422(client, body, words):
    reply = client.post("/api/comparisons", json=body)
    assert reply.status_code == 422 and words in reply.text


def test_proofs_and_mistakes_are_run_now(client):
    found = client.post("/api/proofs", json={"chapters": ["variance", "loss"]}).json()["checks"]
    assert {check["name"].split("/")[0] for check in found} == {"variance", "loss"}
    assert all(check["passed"] and check["largest_error"] <= check["tolerance"] for check in found)
    reply = client.post("/api/proofs", json={"chapters": ["varianse"]})
    assert reply.status_code == 422 and "variance" in reply.json()["detail"]


def test_mistakes_are_shown(client, monkeypatch):
    from reverie.studies import mistakes

    monkeypatch.setattr(mistakes, "COLLECTIONS", mistakes.COLLECTIONS[:1])  # one source is enough to see them come through
    found = client.post("/api/mistakes", json={}).json()["mistakes"]
    assert found and all(each["shown"] and each["numbers"] for each in found)
    assert len(client.jobs.heard[0].reports) >= 1 and json.dumps(found, allow_nan=False)
