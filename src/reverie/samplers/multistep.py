"""Rules that look back: D, what a denoiser says along the flow, as a polynomial through what it said at the steps before.

In tau, half the log-SNR gained since x_t, a step is h long, and one integral solves the flow:

    of D = x_0-hat    x_s = sigma_s/sigma_t x_t + alpha_s int_0^h e^{-(h - tau)} D dtau              (Lu et al. 2022b)
    of D = eps-hat    x_s = alpha_s/alpha_t x_t - alpha_s sigma_t/alpha_t int_0^h e^{-tau} D dtau    (Lu et al. 2022a)

With D the polynomial through D_t = D(0) and D_i at the nodes tau_i, the integral is M_0 D_t + sum_i w_i (D_i - D_t), where
M_0 = 1 - e^{-h} and w_i is the integral of Lagrange's polynomial of the node: the exponential method of Adams and Bashforth
where all nodes lie behind (Hochbruck and Ostermann 2010), of Adams and Moulton where one is the end of the step.

Two nodes make a line. In the middle of the step it has come to

    D = D_t + w (D_t - D_p),   w = h / (2 h_p) = 1 / (2 r)        (Lu et al. 2022b, DPM-Solver++, algorithm 2; r = h_p / h)

D levels off where little noise is left, and the line does not: over the long last step of a grid that ends at t = 1 it led
past the data, which ended 1.4 times too wide, 1.7 times with noise. So w grows until D is taken as far ahead of D_t as D_p
lies behind it (w = 1, h = 2 h_p) and falls again on a longer step, to the first order that an endless one, to t = 0, has.
Steps of a smooth grid are nearly equal, so the order stays. Polynomials of more nodes are levelled by the same factor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from reverie.process.prediction import Prediction
from reverie.samplers.sampler import Step

__all__ = ["earlier", "lookahead", "moments", "weights"]


def lookahead(h: float, h_p: float) -> float:
    """The weight w, in 0..1, of the change since the step before, for a step of length h after one of length h_p.

    Both above 0; the weight is 0 where either is infinite, for then there is no line.
    """
    if math.isinf(h) or math.isinf(h_p):
        return 0.0
    w = h / (2 * h_p)
    return min(w, 1 / w)


def moments(h: float, count: int, of_noise: bool = False) -> list[float]:
    """M_k = int_0^h e^{-(h - tau)} tau^k dtau for k = 0..count, or, of noise, int_0^h e^{-tau} tau^k dtau; by parts."""
    found = [-math.expm1(-h)]
    for k in range(1, count + 1):
        found.append(k * found[-1] - h**k * math.exp(-h) if of_noise else h**k - k * found[-1])
    return found


def weights(nodes: Sequence[float], moments: Sequence[float]) -> list[float]:
    """w_i, the integral of Lagrange's polynomial of each node among all of them and 0; one moment more than nodes."""
    found = []
    for i, node in enumerate(nodes):
        polynomial = [1.0]  # its coefficients, from that of tau^0 on
        for other in (0.0, *nodes[:i], *nodes[i + 1 :]):
            pairs = zip([0.0, *polynomial], [*polynomial, 0.0], strict=True)
            polynomial = [(below - other * same) / (node - other) for below, same in pairs]
        found.append(sum(c * moment for c, moment in zip(polynomial, moments, strict=True)))
    return found


def earlier(now: Step, order: int, of_noise: bool = False) -> list[tuple[Prediction, float]]:
    """Of a rule of this order: what was said at the steps before, each with w_i / M_0 over the step to come.

    Fewer at the start of a grid, after a level of zero SNR and on a step to t = 0, where the rule is of a lower order.
    """
    here = now.at.half_log_snr
    h = now.to.half_log_snr - here
    nodes = []
    for before in now.past[: order - 1]:
        if math.isinf(h) or math.isinf(before.at.half_log_snr):
            break
        nodes.append(before.at.half_log_snr - here)
    if not nodes:
        return []
    w = lookahead(h, -nodes[0])
    if len(nodes) == 1 and not of_noise:
        return [(now.past[0].prediction, -w)]
    whole = moments(h, len(nodes), of_noise)
    levelled = w * 2 * -nodes[0] / h / whole[0]
    found = (levelled * each for each in weights(nodes, whole))
    return [(before.prediction, each) for before, each in zip(now.past, found, strict=False)]
