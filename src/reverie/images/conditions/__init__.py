"""What pictures are told: attributes, their values for each picture, and the tables that these are read from."""

from reverie.images.conditions.attribute import Attribute, condition_of, named, sizes
from reverie.images.conditions.reading import read_told, read_wishes
from reverie.images.conditions.told import Told, cells_of

__all__ = ["Attribute", "Told", "cells_of", "condition_of", "named", "read_told", "read_wishes", "sizes"]
