"""What a model makes, brought to where it is wanted: to a file, counted, checked against what was given.

The command line and the service both export by these functions; they print nothing and ask for no HTTP.
"""

from reverie.export.completed import DRAW, Completed, check_completing, complete
from reverie.export.hospital import hospital
from reverie.export.hospital_completed import check_apart, complete_hospital, files_completed
from reverie.export.sampled import Preview, dataset, patients, pictures

__all__ = [
    "DRAW",
    "Completed",
    "Preview",
    "check_apart",
    "check_completing",
    "complete",
    "complete_hospital",
    "dataset",
    "files_completed",
    "hospital",
    "patients",
    "pictures",
]
