"""From a file, a folder or a frame to columns of cells: one file here for each family of formats."""

from reverie.records.reading.bounds import MAX_RATIO, Bounds
from reverie.records.reading.source import BUNDLED, place_of, read_source

__all__ = ["BUNDLED", "MAX_RATIO", "Bounds", "place_of", "read_source"]
