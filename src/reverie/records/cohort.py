"""A stand-in for the public ART for HIV cohort: people who start therapy against HIV, seen monthly; by its summary.

Each number (viral load VL, CD4 count, Rel CD4) is a latent score g of person p in month t,

    g_pt = m_t + a_p + r_pt,   r an AR(1) series,   so that   g_pt ~ N(m_t, s^2)   and   u = mean_t Phi((g - m_t) / s)

is uniform over the person-months of the published 60 months, and the value is Q(u), where Q joins the published minimum,
quartiles and maximum by lines of log value against normal score. So the summary holds by construction, while m_t lets the
viral load fall and CD4 rise after the start of therapy.

Source: N. I.-H. Kuo et al., The Health Gym: synthetic health-related datasets for the development of reinforcement learning
algorithms, Scientific Data 9:693, 2022, and its data set ART for HIV (8,916 people x 60 months). Published are the columns,
codes, quartiles, shares measured, the share female and the share who change regimen; the shares of regimens and ethnic
groups, the correlations and the speeds below are our assumptions.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.special import ndtr, ndtri

from reverie.errors import UsageError

__all__ = ["CHANGED", "FEMALE", "MEASURED", "QUARTILES", "simulate_art4hiv"]

QUARTILES = {
    "VL": (0.1, 10.5, 38.8, 778.0, 97_566.0),
    "CD4": (8.0, 273.0, 466.0, 859.0, 42_475.0),
    "Rel CD4": (1.9, 17.5, 27.7, 44.2, 587.0),
}
"""Published minimum, quartiles and maximum: copies per mL; cells per microlitre; per cent."""

FEMALE = 0.137
MEASURED = {"VL (M)": 0.131, "CD4 (M)": 0.155, "Drug (M)": 0.777}
CHANGED = 0.638
"""Published: share of people female, of person-months measured, and of people who change regimen within 60 months."""

_MONTHS = 60
_PATIENTS = 8916

_REGIMENS = np.array(
    [  # base combination, integrase inhibitor, NNRTI, protease inhibitor, enhancer; and how common
        (0, 3, 1, 5, 0, 0.20),
        (0, 3, 2, 5, 0, 0.10),
        (0, 3, 0, 5, 0, 0.04),
        (0, 0, 3, 5, 0, 0.12),
        (0, 1, 3, 5, 0, 0.08),
        (0, 2, 3, 5, 1, 0.09),
        (0, 3, 3, 4, 1, 0.04),
        (1, 0, 3, 5, 0, 0.08),
        (1, 3, 1, 5, 0, 0.03),
        (2, 2, 3, 5, 1, 0.06),
        (2, 3, 2, 5, 0, 0.04),
        (3, 3, 3, 5, 0, 0.04),
        (4, 3, 3, 5, 0, 0.02),
        (5, 0, 3, 0, 1, 0.03),
        (5, 3, 3, 2, 0, 0.02),
        (5, 3, 3, 1, 0, 0.01),
        (5, 3, 3, 3, 0, 0.01),
    ]
)
_ETHNIC = (0.07, 0.20, 0.43, 0.30)


def simulate_art4hiv(patients: int = _PATIENTS, months: int = _MONTHS, seed: int = 0) -> pl.DataFrame:
    """A cohort like ART for HIV, one row per person and month, in the published columns.

    Args:
        patients, months: at least 1; the published numbers hold for 60 months, shorter cohorts see the first of them.
        seed: the same seed gives the same cohort.

    Returns:
        VL, CD4, Rel CD4 Float64; codes Int64 (Gender 1 male, 2 female; Ethnic 1..4; Base Drug Combo 0..5; Comp. INI 0..3;
        Comp. NNRTI 0..3; Extra PI 0..5; Extra pk-En 0, 1); VL (M), CD4 (M), Drug (M) 0, 1; PatientID; Timestep from 0.
    """
    if patients < 1 or months < 1:
        raise UsageError(f"a cohort has at least 1 patient and 1 month, not {patients} and {months}.")
    generator = np.random.default_rng(seed)
    grid = np.arange(max(months, _MONTHS), dtype=float)
    month = np.arange(months)

    frailty = generator.standard_normal((2, patients, 1))
    viral = _score(generator, patients, months, persistence=0.9) * 0.75 + 0.66 * frailty[0]
    immune = 0.45 * _score(generator, patients, months, persistence=0.95) - 0.25 * viral + 0.85 * frailty[1]
    share = 0.8 * immune + 0.35 * _score(generator, patients, months, persistence=0.95)
    falls, rises = 2.2 * np.exp(-grid / 4), -1.3 * np.exp(-grid / 20)
    viral_sd = np.hypot(0.75, 0.66)
    immune_sd = np.sqrt(0.45**2 + (0.25 * viral_sd) ** 2 + 0.85**2)
    share_sd = np.hypot(0.8 * immune_sd, 0.35)

    gender = 1 + (generator.random(patients) < FEMALE)
    ethnic = 1 + generator.choice(4, patients, p=_ETHNIC)
    regimen = _regimens(generator, viral + falls[month], months)
    drugs = _REGIMENS[regimen, :5].astype(np.int64)
    clinic = _score(generator, patients, months, persistence=0.0)
    columns: dict[str, np.ndarray] = {
        "VL": _value("VL", viral, falls, viral_sd),
        "CD4": _value("CD4", immune, rises, immune_sd),
        "Rel CD4": _value("Rel CD4", share, 0.8 * rises, share_sd),
        "Gender": np.repeat(gender[:, None], months, 1),
        "Ethnic": np.repeat(ethnic[:, None], months, 1),
        "Base Drug Combo": drugs[..., 0],
        "Comp. INI": drugs[..., 1],
        "Comp. NNRTI": drugs[..., 2],
        "Extra PI": drugs[..., 3],
        "Extra pk-En": drugs[..., 4],
    }
    for name, rate in MEASURED.items():  # blood is drawn for both counts on the same visits; drugs are recorded in runs
        own = _score(generator, patients, months, persistence=0.8 if name == "Drug (M)" else 0.0)
        score = own if name == "Drug (M)" else np.sqrt(0.8) * clinic + np.sqrt(0.2) * own
        columns[name] = (score < ndtri(rate)).astype(np.int64)
    columns["PatientID"] = np.repeat(np.arange(patients)[:, None], months, 1)
    columns["Timestep"] = np.repeat(month[None, :], patients, 0)
    return pl.DataFrame({name: values.reshape(-1) for name, values in columns.items()})


def _score(generator: np.random.Generator, patients: int, months: int, persistence: float) -> np.ndarray:
    """A stationary AR(1) series of standard normals per person, [patients, months]."""
    score = generator.standard_normal((patients, months))
    for t in range(1, months):
        score[:, t] = persistence * score[:, t - 1] + np.sqrt(1 - persistence**2) * score[:, t]
    return score


def _value(name: str, score: np.ndarray, trend: np.ndarray, spread: float) -> np.ndarray:
    """Q(u) of m_t + score, for a score of standard deviation `spread`; to 3 digits after the point, within the extremes."""
    months = score.shape[1]
    knots = np.linspace(-6, 8, 2001) * spread
    uniform = ndtr((knots[:, None] - trend[None, :_MONTHS]) / spread).mean(1)
    normal = ndtri(np.clip(uniform, 1e-12, 1 - 1e-12))
    z = np.interp(score + trend[:months], knots, normal)
    edge = -float(ndtri(1 / (_PATIENTS * _MONTHS)))  # where the extreme of the published number of rows lies
    table = np.array([-edge, ndtri(0.25), 0.0, ndtri(0.75), edge])
    low, *_, high = QUARTILES[name]
    return np.clip(np.exp(np.interp(z, table, np.log(QUARTILES[name]))).round(3), low, high)


def _regimens(generator: np.random.Generator, viral: np.ndarray, months: int) -> np.ndarray:
    """Indices of regimens [patients, months]. Who changes is drawn at the published rate, brought to this many months; when
    they first do leans to months of high viral load; later changes come once in 20 months on average."""
    patients = len(viral)
    common = _REGIMENS[:, 5] / _REGIMENS[:, 5].sum()
    current = generator.choice(len(common), patients, p=common)
    regimen = np.repeat(current[:, None], months, 1)
    if months == 1:
        return regimen
    rate = 1 - (1 - CHANGED) ** ((months - 1) / (_MONTHS - 1))
    changes = generator.random(patients) < rate
    when = 1 + np.argmax(0.5 * viral[:, 1:] + generator.gumbel(size=(patients, months - 1)), 1)
    later = generator.random((patients, months)) < 1 / 20
    for t in range(1, months):
        now = changes & ((when == t) | (later[:, t] & (t > when)))
        chosen = generator.choice(len(common), patients, p=common)
        chosen = np.where(
            chosen == current, (chosen + 1 + generator.integers(len(common) - 1, size=patients)) % len(common), chosen
        )
        current = np.where(now, chosen, current)
        regimen[:, t] = current
    return regimen
