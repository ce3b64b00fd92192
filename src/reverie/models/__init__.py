"""Trained models: what they can be asked, and the folder they are kept in."""

from reverie.models.codec_files import CODEC
from reverie.models.folder import load
from reverie.models.hospitals import LinkedModel
from reverie.models.model import WEIGHTS, Model
from reverie.models.patients import PatientModel
from reverie.models.pictures import PictureModel

__all__ = ["CODEC", "WEIGHTS", "LinkedModel", "Model", "PatientModel", "PictureModel", "load"]
