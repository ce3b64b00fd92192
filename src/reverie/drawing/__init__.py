"""One layer draws all figures: of a run's folder as PNG, of a report and its page as SVG.

A figure is plain data: {"kind": "histogram" | "bars" | "lines" | "stack" | "matrix" | "intervals" | "timeline" | "picture" |
"nothing", "title", "note", ...}, and {"kind": "panels", "title", "panels": [figure, ...]} of several. What each kind takes
is said by its function (plots.py, timelines.py, matrices.py, sheet.py). It becomes a Canvas: shapes that are named, whose
looks stand in look.css.
"""

from reverie.drawing.canvas import SERIES, Canvas
from reverie.drawing.matrices import limits, matrices
from reverie.drawing.names import distinct, shorten
from reverie.drawing.paint import png
from reverie.drawing.pictures import data_url
from reverie.drawing.scales import Scale, finite
from reverie.drawing.sheet import PLOTS, sheet

__all__ = [
    "PLOTS",
    "SERIES",
    "Canvas",
    "Scale",
    "data_url",
    "distinct",
    "finite",
    "limits",
    "matrices",
    "png",
    "sheet",
    "shorten",
]
