"""Regressions by the libraries of the field: generalised linear models of statsmodels, Cox's model of lifelines.

Both are loaded only here, when they are first needed.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

__all__ = ["Coefficients", "cox", "regression"]

ABSURD = 20.0
"""A standard error above this is that of a coefficient that runs off to infinity."""


@dataclass(frozen=True, eq=False)
class Coefficients:
    """Coefficients b [K] without the intercept, their standard errors s [K], and the rows they were fitted to."""

    names: list[str]
    b: np.ndarray
    s: np.ndarray
    n: int


def regression(
    x: np.ndarray, y: np.ndarray, names: list[str], logistic: bool, groups: np.ndarray | None = None
) -> Coefficients | None:
    """Linear or logistic regression of y [n] on x [n, K]; None if it has no finite solution.

    Args:
        groups: whose each row is; then standard errors are clustered (Liang and Zeger 1986).
    """
    import statsmodels.api as sm

    model = sm.GLM(y, sm.add_constant(x, has_constant="add"), family=sm.families.Binomial() if logistic else None)
    options = {} if groups is None else {"cov_type": "cluster", "cov_kwds": {"groups": groups}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit that did not converge shows in its standard errors
        try:
            fitted = model.fit(maxiter=50, **options)
        except (ValueError, np.linalg.LinAlgError, ZeroDivisionError):
            return None
    return _finite(names, np.asarray(fitted.params)[1:], np.asarray(fitted.bse)[1:], len(y))


def cox(x: np.ndarray, time: np.ndarray, event: np.ndarray, names: list[str]) -> Coefficients | None:
    """Cox's proportional hazards (1972) of events [n] at times [n]; None if it has no finite solution."""
    import pandas as pd
    from lifelines import CoxPHFitter
    from lifelines.exceptions import ConvergenceError

    there = ~np.isnan(time) & (time > 0)
    table = pd.DataFrame(x[there], columns=[str(i) for i in range(len(names))])
    table["time"], table["event"] = time[there], event[there]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fitted = CoxPHFitter().fit(table, "time", "event")
        except (ConvergenceError, ValueError, np.linalg.LinAlgError, ZeroDivisionError):
            return None
    return _finite(names, fitted.params_.to_numpy(), fitted.standard_errors_.to_numpy(), int(there.sum()))


def _finite(names: list[str], b: np.ndarray, s: np.ndarray, n: int) -> Coefficients | None:
    good = np.isfinite(b).all() and np.isfinite(s).all() and (s > 0).all()
    return Coefficients(names, b, s, n) if good and s.max() < ABSURD else None
