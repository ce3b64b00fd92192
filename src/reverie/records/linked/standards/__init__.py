"""MEDS, OMOP CDM v5.4 and FHIR R4 as linked tables: read as the standard states them, written so that it takes them.

standard.py      what each of them is: recognised, read, written in parts of whole patients
stated.py        stated tables -> the schema of what is there
registry.py      which there are, and which lies at a place
meds*.py, omop*.py, fhir*.py    one standard each
moments.py       dates and times of text, with zones or without
between/         from one standard to another, by way of what they have in common
plain.py         linked tables as a folder of .csv or .parquet files; tables cut into parts
databases.py     tables as a DuckDB or SQLite file
"""

from reverie.records.linked.standards.between import converted
from reverie.records.linked.standards.plain import parts_of, write_tables
from reverie.records.linked.standards.registry import STANDARDS, origin_of, standard_at
from reverie.records.linked.standards.standard import Standard, Written

__all__ = ["STANDARDS", "Standard", "Written", "converted", "origin_of", "parts_of", "standard_at", "write_tables"]
