"""What a run was told: one immutable record, written to config.yaml as it was resolved.

source    where the data came from, and its fingerprint
holdout   the table of held-out patients, where it was given as one of its own (else training.holdout says how many)
seed      the root of all randomness
schedule  the name and the settings of a path of noise levels: a table of steps, or one in continuous time
parent    the run that it began from, if from one
codec     how a table of records is encoded (none for pictures)
network   the network's kind and size
training  everything about training
latent    the autoencoder, where diffusion runs in its latents
sampling  how a model that was made elsewhere, or distilled, wants to be sampled
distilled how a model of few calls was made of its parent
"""

from __future__ import annotations

from reverie.config.resolving import resolve
from reverie.config.run import NAME, RunConfig, differences, read
from reverie.config.sections import Conditions, Distilled, Parent, Sampling, Source

__all__ = [
    "NAME",
    "Conditions",
    "Distilled",
    "Parent",
    "RunConfig",
    "Sampling",
    "Source",
    "differences",
    "read",
    "resolve",
]
