"""What synthetic patients are good for: what is learned from them (predictions, effects, policies), tried on real ones."""

from reverie.evaluation.use.effects import effects
from reverie.evaluation.use.next_visit import next_visit
from reverie.evaluation.use.policy import policy
from reverie.evaluation.use.prediction import prediction
from reverie.evaluation.use.purposes import Purposes, purposes

__all__ = ["Purposes", "effects", "next_visit", "policy", "prediction", "purposes"]
