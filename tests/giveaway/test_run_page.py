"""A run of pictures as a page: what it holds, and what it refuses."""

import base64
import json
import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load

from reverie.cli import main as run
from reverie.config import Source, resolve
from reverie.denoisers.autoencoder import Autoencoder, LatentSettings
from reverie.errors import UsageError
from reverie.giveaway import LIMIT, run_page
from reverie.images import ImageCodec
from reverie.models import PictureModel
from reverie.models.model import untrained
from reverie.records import read_table


def model(**settings) -> PictureModel:
    config = resolve(Source(name="dots", classes=2), 0, settings.pop("recipe", "pictures"), settings)
    return PictureModel(config, ImageCodec(8, 8, 1, ("a", "</script>")), untrained(config, 1))


def main(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        run([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


def block(page: str, name: str) -> str:
    found = re.search(rf'id="{name}">(.*?)</script>', page, re.S)
    assert found
    return found[1]


def test_a_page_holds_the_weights_to_the_last_bit_and_asks_nothing_of_anyone():
    small = model(**{"network.width": 8})
    page = run_page(small, "<b>dots</b>")
    weights = load(base64.b64decode(block(page, "weights")))
    state = small.denoiser.module.state_dict()
    assert weights.keys() == state.keys() and all(np.array_equal(weights[name], state[name].numpy()) for name in state)
    about = json.loads(block(page, "about"))
    assert about["classes"] == ["a", "</script>"] and about["grids"]["12"][0] == 1000 and len(about["alpha_bar"]) == 1001
    assert not re.search(r"(?:src|href|url)\s*[=(]", page) and "http:" not in page.replace("http://www.w3.org", "")
    assert "<title>&lt;b&gt;dots&lt;/b&gt;</title>" in page and "<b>" not in page


def test_what_has_no_javascript_or_no_room_is_refused_in_a_sentence():
    with pytest.raises(UsageError, match=r"MB, and 6 MB is the most: it has [\d,]+ weights, and about 1,000,000 fit"):
        run_page(model(**{"network.width": 96, "network.blocks": 2}), "large")
    small = model(**{"network.width": 8})
    with pytest.raises(UsageError, match="a page knows pixels alone"):
        run_page(replace(small, autoencoder=Autoencoder(1, LatentSettings(width=8))), "latent")


def test_a_run_of_patients_shows_what_it_made(drawn_model, monkeypatch):
    monkeypatch.setattr("reverie.giveaway.patients.PATIENTS", 5)
    frame = pl.DataFrame({"id": [i // 2 for i in range(40)], "day": [0, 7] * 20, "hb": [9 + i % 5 for i in range(40)]})
    patients = drawn_model(read_table(frame))
    about = json.loads(block(run_page(patients, "dots"), "about"))
    made = patients.sample(5, 0)
    assert [column["name"] for column in about["columns"]] == made.columns
    assert about["rows"] == [list(row) for row in made.iter_rows()]
    assert [about["rows"][first][0] for first, _ in about["patients"]] == made["id"].unique(maintain_order=True).to_list()
    assert about["patients"][-1][1] == len(made)


def test_the_command_writes_it_and_names_what_is_wrong(tmp_path, capsys):
    model(**{"network.width": 8}).save(tmp_path / "dots")
    out = tmp_path / "dots.html"
    assert main("export", tmp_path / "dots", "--to", "page", "--out", out, "--json") == 0
    assert json.loads(capsys.readouterr().out)["out"] == str(out)
    assert "<title>dots</title>" in out.read_text() and out.stat().st_size < LIMIT
    assert main("export", tmp_path / "dots", "--to", "page", "--out", tmp_path / "dots.txt") == 2
    assert "name the output dots.html" in capsys.readouterr().err
    assert main("export", tmp_path / "dots", "--to", "page", "--out", out) == 2
    assert "exists already" in capsys.readouterr().err
