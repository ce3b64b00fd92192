"""A drawing in the plane, learned in seconds, and compared with what is exact."""

from reverie.studies.playground.drawing import FRAME, Drawing
from reverie.studies.playground.shapes import SHAPES, shape_points
from reverie.studies.playground.study import Playground, playground

__all__ = ["FRAME", "SHAPES", "Drawing", "Playground", "playground", "shape_points"]
