"""How far a multistep rule looks ahead.

A rule that remembers the prediction D_p of the step before moves D_t along the line through both, to the middle of the step:

    D = D_t + w (D_t - D_p),   w = h / (2 h_p) = 1 / (2 r)        (Lu et al. 2022b, DPM-Solver++, algorithm 2; r = h_p / h)

D levels off where little noise is left, and the line does not: over the long last step of a grid that ends at t = 1 it led
past the data, which ended 1.4 times too wide, 1.7 times with noise. So w grows until D is taken as far ahead of D_t as D_p
lies behind it (w = 1, h = 2 h_p) and falls again on a longer step, to the first order that an endless one, to t = 0, has.
Steps of a smooth grid are nearly equal, so the order stays 2.
"""

from __future__ import annotations

import math

__all__ = ["lookahead"]


def lookahead(h: float, h_p: float) -> float:
    """The weight w, in 0..1, of the change since the step before, for a step of length h after one of length h_p.

    Both above 0; the weight is 0 where either is infinite, for then there is no line.
    """
    if math.isinf(h) or math.isinf(h_p):
        return 0.0
    w = h / (2 * h_p)
    return min(w, 1 / w)
