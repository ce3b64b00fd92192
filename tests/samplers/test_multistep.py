"""The weights of rules that look back integrate polynomials exactly, against quadrature."""

import itertools
import math

import numpy as np
import pytest

from reverie.samplers.multistep import moments, weights

POINTS, SHARES = np.polynomial.legendre.leggauss(60)


def integral(h: float, of, of_noise: bool) -> float:
    tau = h * (POINTS + 1) / 2
    return float(h / 2 * (SHARES * np.exp(-tau if of_noise else tau - h) * of(tau)).sum())


@pytest.mark.parametrize("of_noise", [False, True])
@pytest.mark.parametrize("h", [0.05, 0.5, 4.0])
def test_moments_are_the_integrals_that_they_stand_for(h, of_noise):
    for k, found in enumerate(moments(h, 4, of_noise)):
        assert math.isclose(found, integral(h, lambda tau, k=k: tau**k, of_noise), rel_tol=1e-8)


@pytest.mark.parametrize("of_noise", [False, True])
@pytest.mark.parametrize("nodes", [[-0.7], [-0.7, -1.1], [0.9, -0.7, -1.1], [-0.2, -1.9, -2.0]])
def test_a_polynomial_through_the_nodes_is_integrated_exactly(nodes, of_noise):
    h = 0.9
    polynomial = np.polynomial.Polynomial([1.0, -2.0, 0.5, 3.0][: len(nodes) + 1])
    whole = moments(h, len(nodes), of_noise)
    changes = (w * (polynomial(node) - polynomial(0)) for w, node in zip(weights(nodes, whole), nodes, strict=True))
    assert math.isclose(whole[0] * polynomial(0) + sum(changes), integral(h, polynomial, of_noise), rel_tol=1e-12)


def test_the_weights_do_not_depend_on_the_order_of_the_nodes():
    whole = moments(0.9, 3)
    expected = dict(zip([0.9, -0.7, -1.1], weights([0.9, -0.7, -1.1], whole), strict=True))
    for nodes in itertools.permutations(expected):
        assert np.allclose(weights(nodes, whole), [expected[node] for node in nodes], rtol=1e-12)
