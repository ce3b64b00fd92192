"""Who answers "what was x_0?": exact oracles, networks, and wrappers around either."""

from reverie.denoisers.conditions import Condition, Labels
from reverie.denoisers.correlated import CorrelatedMixture
from reverie.denoisers.denoiser import Denoiser, Evidence
from reverie.denoisers.oracles import Empirical, GaussianMixture, KnownSample
from reverie.denoisers.wrappers import Autoguided, Boundary, ClassifierGuided, Clipped, Guided, Inpainting, Thresholded

__all__ = [
    "Autoguided",
    "Boundary",
    "ClassifierGuided",
    "Clipped",
    "Condition",
    "CorrelatedMixture",
    "Denoiser",
    "Empirical",
    "Evidence",
    "GaussianMixture",
    "Guided",
    "Inpainting",
    "KnownSample",
    "Labels",
    "Thresholded",
]
