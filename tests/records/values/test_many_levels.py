"""Hundreds of codes: learned as groups of their prefixes, made in their shares, and nothing that does not occur."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.records.backoff import LEAST, MOST, Grouped, groups
from reverie.records.codes import code_of
from reverie.records.intervals import inside

draw = np.random.default_rng(0)


def icd(k, seed=0):
    r = np.random.default_rng(seed)
    made = {f"{'EIJKN'[r.integers(5)]}{r.integers(10, 30)}.{r.integers(0, 10)}" for _ in range(4 * k)}
    return sorted(made)[:k]


def test_rare_codes_are_backed_off_along_their_own_prefix():
    names = ["E11.65", "E11.64", "E11.9", "E12.1", "I10", "J20.1", "K01"]
    found, group = groups(names, np.array([2, 3, 50, 1, 40, 7, 2]))
    named = {name: found[g] for name, g in zip(names, group, strict=True)}
    assert named["E11.65"] == named["E11.64"] == "E11.6"
    assert (named["E11.9"], named["I10"], named["J20.1"]) == ("E11.9", "I10", "J20.1")
    assert named["E12.1"] == named["K01"] == ""


def test_names_that_are_no_codes_are_grouped_by_how_rare_they_are():
    names = [f"{a}{b}" for a in ("Ather", "Bel", "Cor") for b in ("ton", "by", "ham", "ley", "wick", "ford")]
    found, group = groups(names, np.array([50] * 3 + [1] * 15))
    assert set(found) == {"", *names[:3]} and set(group[3:]) == {0}


@pytest.mark.parametrize("k", [40, 75, 400])
def test_groups_are_few_and_large(k):
    counts = np.ceil(draw.pareto(1.0, k))
    found, group = groups(icd(k), counts)
    sizes = np.bincount(group, weights=counts)
    assert len(found) <= MOST and all(size >= LEAST for size, name in zip(sizes, found, strict=True) if name)


@given(st.integers(1, 120), st.integers(0, 1000), st.booleans(), st.booleans())
@settings(max_examples=60)
def test_every_float32_within_the_ends_decodes_to_the_very_code(k, seed, one_hot, codes):
    r = np.random.default_rng(seed)
    names = icd(k, seed) if codes else [f"town {chr(97 + i % 26)}{i}" for i in range(k)]
    counts = np.floor(r.pareto(0.7, len(names)) * 3)
    code = Grouped.fit(counts, names, one_hot)
    level = np.arange(len(names))
    again = code_of(json.loads(json.dumps(code.config)))
    for end in inside(*code.intervals(level)):
        assert code.level(end.astype(np.float64)).tolist() == level.tolist()
        assert again.level(end.astype(np.float64)).tolist() == level.tolist()  # pyright: ignore[reportAttributeAccessIssue]
    assert code.width <= MOST


def test_normal_scores_decode_to_the_shares_of_all_codes():
    names = icd(150)
    counts = np.ceil(draw.pareto(0.8, 150) * 3)
    code = Grouped.fit(counts, names)
    made = np.bincount(code.level(draw.normal(size=(200_000, code.width))), minlength=150) / 200_000
    np.testing.assert_allclose(made, counts / counts.sum(), atol=0.004)
    assert (made > 0).all()


def test_wild_scores_are_codes_all_the_same():
    code = Grouped.fit(np.ones(90), icd(90))
    assert set(code.level(draw.normal(size=(5000, code.width)) * 50)) <= set(range(90))
