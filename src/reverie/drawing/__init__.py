"""One layer draws all figures: of a run's folder as PNG, of a report and its page as SVG.

A figure is plain data: {"kind": "histogram" | "bars" | "lines" | "stack" | "matrix" | "intervals" | "nothing", "title",
"note", ...}, and {"kind": "panels", "title", "panels": [figure, ...]} of several. What each kind takes is told by its
function (plots.py, matrices.py, sheet.py). It becomes a Canvas: shapes that are named, whose looks stand in look.css.
"""

from reverie.drawing.canvas import SERIES, Canvas
from reverie.drawing.matrices import limits, matrices
from reverie.drawing.names import distinct, shorten
from reverie.drawing.paint import png
from reverie.drawing.scales import Scale, finite
from reverie.drawing.sheet import PLOTS, sheet

__all__ = [
    "PLOTS",
    "SERIES",
    "Canvas",
    "Scale",
    "distinct",
    "finite",
    "limits",
    "matrices",
    "png",
    "sheet",
    "shorten",
]
