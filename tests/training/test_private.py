"""Training with differential privacy: the bound on each patient, the accounting, and what is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
import yaml
from opacus.accountants import PRVAccountant, RDPAccountant
from torch import Tensor

import reverie
from reverie.config import RunConfig, resolve
from reverie.denoisers.visits import VisitNetwork
from reverie.errors import UsageError
from reverie.models.model import untrained
from reverie.process.randomness import draw, generator
from reverie.records import Table, read_table
from reverie.sources import TableSource
from reverie.training import Batch, Budget, TrainingState
from reverie.training.privacy import PrivacyBudget
from reverie.training.updates.private import PerPatient, PrivateUpdate, losses_by_patient

SMALL = {"network.width": 16, "network.layers": 2, "network.heads": 2, "training.precision": "fp32", "training.epsilon": 8.0}
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def table() -> Table:
    return read_table("pbc2").take(range(60))


def prepared(table: Table, **settings):
    subject = TableSource(table)
    config: RunConfig = resolve(subject.about, 0, "records", SMALL | {"training.holdout": 0.0} | settings)
    parts = subject.split(config)
    codec = subject.fit_codec(config, parts, print)
    examples, _ = subject.examples(config, parts, codec)
    network = untrained(config, codec.channels)
    with torch.no_grad():  # else most gradients are 0, behind layers that begin at 0
        for weight in network.module.parameters():
            weight.add_(0.1 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(weight.numel())))
    return config, examples, network


def batch_of(examples, count: int) -> tuple[Batch, Tensor, Tensor]:
    batch = examples.batch(torch.arange(count), generator(0, "examples"))
    t = 1 + torch.randint(900, (count,), generator=generator(0, "t"))
    return batch, t, draw(batch.x_0, generator(0, "noise"))


def one_by_one(network, gradients, batch: Batch, t: Tensor, noise: Tensor, settings) -> list[list[Tensor]]:
    """The gradient of each patient's loss, by autograd, one patient at a time."""
    weights = [p for p in network.module.parameters() if p.requires_grad]
    found = []
    for i in range(len(batch)):
        rows = slice(i, i + 1)
        loss = losses_by_patient(network, batch[rows], t[rows], noise[rows], settings).sum()
        got = torch.autograd.grad(loss, weights, allow_unused=True)
        found.append([torch.zeros_like(w) if g is None else g for w, g in zip(weights, got, strict=True)])
    return found


@pytest.mark.parametrize("visits", ["few", "many"])
def test_the_clipped_sum_is_that_of_the_patients_one_by_one(table, visits):
    chosen = table if visits == "many" else table.take([i for i in range(len(table)) if table.lengths[i] < 4])
    config, examples, network = prepared(chosen)
    network.module.train(False)  # dropout would differ between one patient and many
    batch, t, noise = batch_of(examples, min(12, len(chosen)))
    gradients, limit = PerPatient(network.module), 0.5
    expected = one_by_one(network, gradients, batch, t, noise, config.training)
    norms = torch.tensor([math.sqrt(sum(float(g.square().sum()) for g in one)) for one in expected])
    with gradients:
        losses = losses_by_patient(network, batch, t, noise, config.training)
        found = gradients.take(losses, batch.given.attention_mask, limit)
    assert found == pytest.approx(norms, rel=1e-4, abs=1e-6)
    assert (norms > limit).any() and (norms < limit).any()  # or nothing here is about clipping
    weights = [p for p in network.module.parameters() if p.requires_grad]
    for k, weight in enumerate(weights):
        total = sum(min(1.0, limit / float(n)) * one[k] for n, one in zip(norms, expected, strict=True) if n > 0)
        assert torch.allclose(gradients.sums[weight], total, rtol=1e-3, atol=1e-6)


def test_no_patient_changes_the_sum_by_more_than_the_bound(table):
    """However large: here the losses are of a network whose weights are a hundred times too large."""
    config, examples, network = prepared(table)
    network.module.train(False)
    with torch.no_grad():
        for weight in network.module.parameters():
            weight.mul_(20)
    batch, t, noise = batch_of(examples, 10)
    gradients = PerPatient(network.module)

    def total(rows: list[int]) -> Tensor:
        gradients.sums = {}
        part = Batch(batch.x_0[rows], batch.mask[rows], batch.given[torch.tensor(rows)])
        with gradients:
            gradients.take(
                losses_by_patient(network, part, t[rows], noise[rows], config.training), part.given.attention_mask, 1.0
            )
        return torch.cat([gradients.sums[p].flatten() for p in network.module.parameters() if p in gradients.sums])

    whole = total(list(range(10)))
    for left_out in range(10):
        change = whole - total([i for i in range(10) if i != left_out])
        assert float(change.norm()) <= 1.0 + 1e-4


def test_a_gradient_that_is_no_number_counts_as_none(table):
    config, examples, network = prepared(table)
    batch, t, noise = batch_of(examples, 4)
    gradients = PerPatient(network.module)
    with gradients:
        losses = losses_by_patient(network, batch, t, noise, config.training)
        gradients.take(losses * torch.tensor([1.0, math.inf, 1.0, 1.0]), batch.given.attention_mask, 1.0)
    assert all(torch.isfinite(total).all() for total in gradients.sums.values())


# --- accounting ---------------------------------------------------------------------------------------------------------


def test_the_noise_spends_the_epsilon_and_no_more_by_two_accountants_of_opacus():
    budget = PrivacyBudget(epsilon=3.0, delta=1e-3, rate=0.25, steps=200, patients=500)
    by_steps = RDPAccountant()
    for _ in range(200):
        by_steps.step(noise_multiplier=budget.noise, sample_rate=0.25)
    assert budget.spent(200) == pytest.approx(by_steps.get_epsilon(delta=1e-3), rel=1e-9)
    assert 2.9 < budget.spent(200) <= 3.0
    tighter = PRVAccountant()
    tighter.history = [(budget.noise, 0.25, 200)]
    assert 2.0 < tighter.get_epsilon(delta=1e-3) <= 3.0
    assert budget.spent(0) == 0 < budget.spent(50) < budget.spent(100)


def test_one_step_on_all_patients_is_the_gaussian_mechanism():
    """Without sampling, epsilon of sigma is that of N(0, sigma^2) against N(1, sigma^2): Balle and Wang 2018, theorem 8."""
    from scipy.optimize import brentq
    from scipy.stats import norm

    budget = PrivacyBudget(epsilon=1.0, delta=1e-3, rate=1.0, steps=1, patients=10)
    s = budget.noise

    def delta(epsilon: float) -> float:
        return norm.cdf(0.5 / s - epsilon * s) - math.exp(epsilon) * norm.cdf(-0.5 / s - epsilon * s)

    exact = brentq(lambda e: delta(e) - 1e-3, 1e-6, 10)
    assert exact <= budget.spent(1) <= 1.35 * exact  # Renyi divergences are an upper bound, and not a loose one


def test_delta_is_one_in_twice_the_patients_unless_it_is_said(table):
    settings = prepared(table)[0].training
    assert PrivacyBudget.of(settings, 250).delta == 1 / 500
    assert PrivacyBudget.of(settings.model_copy(update={"delta": 1e-5}), 250).delta == 1e-5
    assert PrivacyBudget.of(settings, 64).rate == 1.0  # a batch of 128 is everyone


# --- a run --------------------------------------------------------------------------------------------------------------


def begun(network, examples, settings, seed: int = 0) -> tuple[PrivateUpdate, TrainingState]:
    update = PrivateUpdate(network, examples, settings, seed, CPU)
    return update, update.begin(Budget(settings.entries))


def weights_after(table: Table, steps: int, seed: int = 0) -> Tensor:
    config, examples, network = prepared(table, **{"training.batch": 20, "training.steps": 4})
    update, state = begun(network, examples, config.training, seed)
    for state.step in range(steps):
        report = update.step(state)
    assert set(report.numbers()) == {"gradient_norm", "learning_rate", "noise_multiplier", "epsilon"}  # and no loss
    return torch.cat([w.detach().flatten() for w in state.module.parameters()])


def test_a_run_is_a_function_of_its_seed(table):
    once = weights_after(table, 3)
    assert torch.equal(once, weights_after(table, 3))
    assert not torch.equal(once, weights_after(table, 3, seed=1))


def test_the_parts_a_batch_is_computed_in_change_nothing(table):
    def after(accumulate: int) -> Tensor:
        settings = {"training.batch": 20, "training.steps": 4, "training.accumulate": accumulate, "network.dropout": 0.0}
        config, examples, network = prepared(table, **settings)
        update, state = begun(network, examples, config.training)
        update.step(state)
        return torch.cat([w.grad.flatten() for w in state.module.parameters() if w.grad is not None])

    assert torch.allclose(after(1), after(4), atol=1e-5)


def test_the_noise_is_as_large_as_the_budget_says(table):
    config, examples, network = prepared(table, **{"training.batch": 20, "training.steps": 4})
    update, state = begun(network, examples, config.training)
    update.step(state)
    noise = PrivacyBudget.of(config.training, len(examples)).noise
    got = torch.cat([w.grad.flatten() for w in state.module.parameters() if w.grad is not None])
    assert float(got.std()) == pytest.approx(
        noise / 20, rel=0.05
    )  # the clipped sum over some thousand weights is nothing beside it


def test_a_run_tells_what_it_spent_and_resumes_to_the_same_bits(table, tmp_path: Path):
    settings = SMALL | {"training.batch": 20, "training.log_every": 1}

    def run(name: str, **more) -> bytes:
        reverie.train(table.frame, tmp_path / name, steps=3, schema=table.schema, settings=settings, **more)
        return (tmp_path / name / "model.safetensors").read_bytes()

    whole = run("run")
    config = yaml.safe_load((tmp_path / "run/config.yaml").read_text())["training"]
    patients = 60 - round(0.2 * 60)
    assert (config["epsilon"], config["delta"], config["aside"]) == (8.0, 1 / (2 * patients), 0.0)
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    spent = [line["epsilon"] for line in lines if "epsilon" in line]
    assert spent == sorted(spent) and 7 < spent[-1] <= 8
    assert not any("loss" in line for line in lines)
    assert run("run", resume=True) == whole
    assert run("again") == whole


# --- refusals -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"training.aside": 0.1}, "set aside=0"),
        ({"training.clip_norm": 0.0}, "set clip_norm above 0"),
        ({"training.reconstruction": 20.0}, "set reconstruction=0"),
        ({"training.precision": "fp16"}, "set precision to bf16 or fp32"),
        ({"training.epsilon": None, "training.delta": 1e-5}, "delta goes with an epsilon"),
    ],
)
def test_what_no_epsilon_accounts_for_is_refused(table, settings, words):
    with pytest.raises(UsageError, match=words):
        resolve(TableSource(table).about, 0, "records", SMALL | settings)


@pytest.mark.parametrize("mixing", ["recurrent", "convolution"])
def test_networks_that_cannot_be_clipped_patient_by_patient_are_refused(table, mixing):
    network = prepared(table, **{"network.mixing": mixing})[2]
    with pytest.raises(UsageError, match=r"network\.mixing=attention: leave epsilon out"):
        PerPatient(network.module)


def test_without_opacus_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr("reverie.training.privacy.find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install 'reverie\[private\]'"):
        _ = PrivacyBudget(epsilon=1.2345, delta=1e-3, rate=0.5, steps=7, patients=10).noise


def test_pictures_have_no_patients(tmp_path: Path):
    with pytest.raises(UsageError, match="leave epsilon out"):
        reverie.train(
            "digits", tmp_path / "run", steps=1, settings={"width": 8, "groups": 4, "batch": 8, "training.epsilon": 1.0}
        )


def test_an_epsilon_that_no_noise_reaches_is_refused():
    with pytest.raises(UsageError, match="allow a larger epsilon, or take fewer steps"):
        _ = PrivacyBudget(epsilon=1e-9, delta=1e-12, rate=1.0, steps=10**6, patients=10).noise


def test_all_that_is_trained_is_clipped(table):
    network = prepared(table)[2]
    assert isinstance(network.module, VisitNetwork)
    PerPatient(network.module)
    still = [name for name, weight in network.module.named_parameters() if not weight.requires_grad]
    assert still == ["blocks.0.mix.bias", "blocks.1.mix.bias"]
