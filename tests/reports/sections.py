"""Sections of every kind of figure, with names that a stranger's table may hold."""

import numpy as np

from reverie.evaluation.measure import Measure, Section, judged

EVIL = '<script>alert("x")</script>&"\''


def sections() -> list[Section]:
    g = np.random.default_rng(0)
    names = ["age", EVIL, "bilirubin", *(f"lab {i}" for i in range(14))]
    three = ("real", "synthetic", "held-out")
    measures = tuple(
        judged(
            Measure(
                f"fidelity.column.{name}.distance",
                f"{name}: distance",
                float(g.random()) * 0.2,
                250,
                "share",
                interval=(0.02, 0.12),
                ceiling=0.06,
                ceiling_deviation=0.01,
                floor=0.4,
                ideal=0.0,
                how=f"How far {EVIL} is off.",
            ),
            tolerance=0.05,
        )
        for name in names
    )
    edges = [0.1 * 2**k for k in range(9)]
    figures = {
        "panels": {
            "kind": "panels",
            "title": EVIL,
            "panels": [
                {
                    "kind": "histogram",
                    "title": name,
                    "edges": edges,
                    "series": {n: g.dirichlet(np.ones(8)).tolist() for n in three},
                    "missing": {"real": 0.1, "synthetic": 0.2},
                    "note": EVIL,
                }
                for name in names
            ],
        },
        "bars": {"kind": "bars", "title": "levels", "labels": names, "series": {n: g.random(17).tolist() for n in three}},
        "lines": {
            "kind": "lines",
            "title": "over time",
            "x": [1, 2, 3, 4],
            "series": {"real": [0.1, None, 0.3, float("nan")], "synthetic": [1, 2, 3, 4]},
            "bands": {"real": [[0, None, 0, 0], [1, 1, 1, 1]]},
        },
        "matrix": {
            "kind": "matrix",
            "title": "pairs",
            "labels": names,
            "series": {n: g.uniform(-1, 1, (17, 17)).tolist() for n in three},
            "range": [-1, 1],
        },
        "intervals": {
            "kind": "intervals",
            "title": "effects",
            "labels": names[:2],
            "series": {"real": [[1, 0.5, 1.5], None], "synthetic": [[1, None, None], [0, -1, 1]]},
            "reference": 0,
        },
        "table": {"kind": "table", "title": "who", "columns": ["a", EVIL], "rows": [[1, 0.5], [EVIL, 2000]]},
        "pictures": {
            "kind": "pictures",
            "title": "digits",
            "rows": [{"label": EVIL, "pixels": g.integers(0, 255, (3, 4, 4, 3)).tolist()}],
        },
        "else": {"whatever": 1},
    }
    bare = Measure("privacy.none", "could not be computed", None, 0, why="no outcome is named.")
    return [
        Section("fidelity.columns", f"Columns {EVIL}", EVIL, measures, figures, (EVIL,)),
        Section("privacy.copies", "Copies", "", (bare,), {}),
    ]
