"""Linked tables: a folder or a database of tables that refer to each other by keys.

sources.py     a folder, a DuckDB or SQLite file, an address -> tables by name
schema.py      what each table is: its key, what it refers to, its clock; to be edited as YAML
keys.py        which column is a table's key, and which refer to another's
clocks.py      when each row was: at an instant, in an interval, on a day
infer.py       all of it from the tables alone, each decision with its reason
standards/     MEDS, OMOP and FHIR, whose tables and ties are stated: read and written
"""

from reverie.records.linked.infer import is_linked, read_linked
from reverie.records.linked.schema import Clock, ForeignKey, LinkedSchema, LinkedTable
from reverie.records.linked.tables import LinkedTables

__all__ = ["Clock", "ForeignKey", "LinkedSchema", "LinkedTable", "LinkedTables", "is_linked", "read_linked"]
