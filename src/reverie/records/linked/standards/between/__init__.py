"""From one standard to another, by way of what they have in common (common.py).

codings.py       one code as each of them writes it
fhir.py, meds.py, omop.py, and .._made.py    what a standard's tables are in common, and back
conversion.py    tables of one standard as those of another
"""

from reverie.records.linked.standards.between.conversion import converted

__all__ = ["converted"]
