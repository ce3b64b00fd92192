"""What a teacher shows: a picture drowning in noise, and coming back, with the true numbers. Nothing here prints."""

from reverie.studies.analyse import Analysis, analyse
from reverie.studies.compare import Comparison, compare
from reverie.studies.denoising import Denoising
from reverie.studies.forward import Forward, forward
from reverie.studies.network import NetworkTrace, network
from reverie.studies.reverse import Reverse, reverse
from reverie.studies.statistics import statistics
from reverie.studies.subject import Subject, subject
from reverie.studies.walk import Walk, walk

__all__ = [
    "Analysis",
    "Comparison",
    "Denoising",
    "Forward",
    "NetworkTrace",
    "Reverse",
    "Subject",
    "Walk",
    "analyse",
    "compare",
    "forward",
    "network",
    "reverse",
    "statistics",
    "subject",
    "walk",
]
