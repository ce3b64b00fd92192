"""One network, two runtimes: what ONNX Runtime makes is what torch makes, to one grey level and to one cell."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

import reverie
from reverie.cli import main
from reverie.config import Source, resolve
from reverie.denoisers.attributes import Attributes
from reverie.denoisers.conditions import LabelledVectors, Labels, Vectors
from reverie.denoisers.onnx import answered_by, graph_of
from reverie.denoisers.unet import UNetConfig
from reverie.denoisers.unet1d import SeriesUNetConfig
from reverie.denoisers.visits import VisitNetworkConfig
from reverie.errors import UsageError
from reverie.models.model import untrained

PICTURES = {"width": 8, "groups": 4, "blocks": 1, "batch": 16, "precision": "fp32"}
NAN = float("nan")
RECORDS = {"network.width": 16, "network.layers": 1, "training.batch": 16, "precision": "fp32"}


@pytest.fixture
def onnxruntime():
    pytest.importorskip("onnxscript", reason="the extra [onnx] is not installed: no ONNX graph is made")
    return pytest.importorskip("onnxruntime", reason="the extra [onnx] is not installed: no ONNX graph is run")


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("digits") / "run"
    reverie.train("digits", run, steps=8, settings=PICTURES)
    return run


@pytest.fixture(scope="module")
def patients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("patients") / "run"
    reverie.train("pbc2", run, steps=8, settings=RECORDS)
    return run


def test_pictures_are_the_same_to_one_grey_level(onnxruntime, digits: Path) -> None:
    model = reverie.load(digits)
    other = model.on("onnx")
    for how in ({}, {"where": {"class": ["3", "8"]}, "guidance": 2.0, "sampler": "dpmpp"}):
        ours, theirs = (m.sample(65, steps=4, **how).astype(int) for m in (model, other))  # a last shard of one
        assert np.abs(ours - theirs).max() <= 1 and ours.std() > 20
    session = onnxruntime.InferenceSession(other.graph)
    told = json.loads(session.get_modelmeta().custom_metadata_map["reverie"])
    assert told == {"predicts": "velocity", "learned_variance": False, "schedule": model.config.schedule}
    x, t, labels = torch.randn(5, 1, 8, 8), torch.tensor([1, 20, 300, 999, 1000]), torch.tensor([0, 3, 9, 10, 10])
    (answer,) = session.run(None, {"x_t": x.numpy(), "t": t.float().numpy(), "labels": labels.numpy()})
    with torch.no_grad():
        expected = model.denoiser.module(x, t, Labels(labels))
    torch.testing.assert_close(torch.from_numpy(answer), expected, atol=1e-5, rtol=1e-4)


def test_a_network_without_conditions_has_a_graph(onnxruntime) -> None:
    config = resolve(
        Source(name="pictures of no class"), 0, "pictures", {"network.width": 8, "network.groups": 4, "network.blocks": 1}
    )
    network = untrained(config, 1)
    x = torch.randn(3, 1, 8, 8)
    with torch.no_grad():
        torch.nn.init.normal_(list(network.module.parameters())[-2], std=0.1)  # of the last layer, which begins at zero
        other = answered_by(graph_of(network, config.network, (1, 8, 8)), network, config.network)
        torch.testing.assert_close(other(x, 500).clean, network(x, 500).clean, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("told", "condition"),
    [
        (
            {"attribute_levels": (3,), "attribute_numbers": (1, 2)},
            Attributes(torch.tensor([[0], [-1], [2]]), torch.tensor([[0.5, 1, -1], [NAN, 2, 0], [1, NAN, 3]]), (1, 2)),
        ),
        ({"attribute_levels": (4, 2)}, Attributes(torch.tensor([[0, 1], [-1, 0], [3, -1]]), torch.zeros(3, 0), ())),
        ({"attribute_numbers": (2,)}, Attributes(torch.zeros(3, 0).long(), torch.tensor([[1, 2], [NAN, 0], [0, 3]]), (2,))),
        ({"vector": 2}, Vectors(torch.tensor([[1.0, -1], [NAN, 0], [2, 2]]))),
    ],
)  # fmt: skip
def test_what_is_told_and_what_is_left_untold_is_in_the_graph(onnxruntime, told, condition) -> None:
    settings = {"network.width": 8, "network.groups": 4, "network.blocks": 1}
    config = resolve(Source(name="pictures"), 0, "pictures", settings)
    config = config.model_copy(update={"network": config.network.model_copy(update=told)})
    network, x = untrained(config, 1), torch.randn(3, 1, 8, 8)
    with torch.no_grad():
        for weight in network.module.parameters():
            torch.nn.init.normal_(weight, std=0.1)  # the last layer begins at zero
        other = answered_by(graph_of(network, config.network, (1, 8, 8)), network, config.network)
        answers = []
        for asked in (condition, None, condition[:1]):
            some = x if asked is None else x[: len(asked)]
            answers.append(network(some, 500, asked).clean)
            torch.testing.assert_close(other(some, 500, asked).clean, answers[-1], atol=1e-5, rtol=1e-4)
        assert (answers[0] - answers[1]).abs().max() > 1e-3  # a hundred times what the two runtimes may differ by


def test_a_class_a_vector_both_and_neither_are_in_one_graph(onnxruntime) -> None:
    labels, vectors = Labels(torch.tensor([0, 3, 2])), Vectors(torch.tensor([[1.0, -1], [2, 0], [NAN, 2]]))
    settings = {"network.width": 8, "network.groups": 4, "network.blocks": 1}
    config = resolve(Source(name="pictures"), 0, "pictures", settings)
    config = config.model_copy(update={"network": config.network.model_copy(update={"classes": 3, "vector": 2})})
    network, x = untrained(config, 1), torch.randn(3, 1, 8, 8)
    told = (LabelledVectors(labels, vectors), labels, vectors, None)
    with torch.no_grad():
        for weight in network.module.parameters():
            torch.nn.init.normal_(weight, std=0.1)  # the last layer begins at zero
        other = answered_by(graph_of(network, config.network, (1, 8, 8)), network, config.network)
        answers = [network(x, 500, asked).clean for asked in told]
        for asked, answer in zip(told, answers, strict=True):
            torch.testing.assert_close(other(x, 500, asked).clean, answer, atol=1e-5, rtol=1e-4)
        for one, another in itertools.combinations(answers, 2):
            assert (one - another).abs().max() > 1e-3
        some = LabelledVectors.joined([told[0][:1], told[0][2:]])  # pyright: ignore[reportOptionalSubscript]
        torch.testing.assert_close(network(x[::2], 500, some).clean, answers[0][::2])
        for wrong in (LabelledVectors(Labels(torch.tensor([0, 4, 2])), vectors), Attributes.none(3, (2,), ())):
            with pytest.raises(UsageError, match=r"labels lie in 0\.\.2|was trained with classes alone"):
                network(x, 500, wrong)


def test_records_are_the_same_to_one_cell(onnxruntime, patients: Path, tmp_path: Path) -> None:
    names = []
    for runtime in ("torch", "onnx"):
        names.append(tmp_path / f"{runtime}.csv")
        main_ends(["sample", patients, "--count", 40, "--seed", 2, "--runtime", runtime, "--out", names[-1]])
    ours, theirs = (pl.read_csv(name, infer_schema=False) for name in names)
    assert ours.shape == theirs.shape and ours.height > 100
    different = sum(int((ours[name].fill_null("") != theirs[name].fill_null("")).sum()) for name in ours.columns)
    assert different <= 1


def test_without_the_extra_it_is_one_sentence(digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("reverie.denoisers.onnx.import_module", absent)
    for asked in (lambda model: model.on("onnx"), lambda model: model.graph):
        with pytest.raises(UsageError, match=r"ONNX needs onnx, which is not installed: pip install 'reverie\[onnx\]'"):
            asked(reverie.load(digits))


def test_a_network_is_exported_as_one_file(digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reverie.denoisers.onnx.graph_of", lambda network, about, shape: f"a graph of {shape}".encode())
    main_ends(["export", digits, "--to", "onnx", "--out", tmp_path / "digits.onnx"])
    assert (tmp_path / "digits.onnx").read_bytes() == b"a graph of (1, 8, 8)"
    main_ends(["export", digits, "--to", "onnx", "--out", tmp_path / "digits.pth"], 2)
    main_ends(["export", digits, "--to", "onxn", "--out", tmp_path / "other.onnx"], 2)


def test_what_no_other_runtime_has_is_refused(digits: Path, tmp_path: Path) -> None:
    model = reverie.load(digits)
    with pytest.raises(UsageError, match="unknown runtime 'onx': did you mean 'onnx'"):
        model.on("onx")
    with pytest.raises(UsageError, match="another runtime is told classes alone"):
        UNetConfig(classes=2).tensors(Vectors(torch.zeros(1, 3)), 1)
    with pytest.raises(UsageError, match="mixing=recurrent has no graph"):
        VisitNetworkConfig(mixing="recurrent").tensors(None, 1)
    with pytest.raises(UsageError, match="series-unet has no graph of tensors alone"):
        SeriesUNetConfig().tensors(None, 1)
    with pytest.raises(UsageError, match="by torch: leave `runtime` out"):
        replace(model, runtime="onnx").sample_to(tmp_path / "folder", 4)


def main_ends(words: list[object], code: int = 0) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    assert (ended.value.code or 0) == code
