"""Linked tables: a folder or a database of tables that refer to each other by keys.

opening.py     which places are several tables; a .zip of a folder, opened
sources.py     a folder, a DuckDB or SQLite file, an address -> tables by name
schema.py      what each table is: its key, what it refers to, its clock; to be edited as YAML
keys.py        which column is a table's key, and which refer to another's
clocks.py      when each row was: at an instant, in an interval, on a day
tying.py       all of it from the tables alone, each decision with its reason
infer.py       the tables, and what is found or stated of them
standards/     MEDS, OMOP and FHIR, whose tables and ties are stated: read and written

tree.py        which table hangs on which when patients are made; growing.py: found in the tables
form.py        each as a table of visits: times from the parent's, keys gone, what follows from others looked up
beside.py      what has one row at most for each of another's, as more of that one; forms.py: all that is decided
times.py       times from a base and back; stating.py: what is stated of columns and rules, in the terms of visits;
               wording.py: and back; ordering.py: which times of a row come before which
bonds.py       rules across tables; binding.py: found; bound.py, redraws.py, limits.py: kept in what is made
               around.py, room.py: in what is filled; broken.py: counted
codec.py       all of them <-> scores (scores.py); lookups.py: those carried over, as they are kept
units.py       a row and all that hangs on it, as one sequence of tokens
questions.py   what a network of events is asked in training
stages.py      one stage of some units, drawn around what is known
fitting.py     tables with holes, which may differ from those learned; complete.py: their holes filled
forecast.py    what comes after all that is given; drawn.py: what of completed tables was drawn
timeline.py    one patient in time
generate.py    tables made down the tree; making.py: as cells and new keys; calibration.py: put right
given.py       what rows must be; choosing.py: what of that is met by drawing
"""

from reverie.records.linked.calibration import LinkedCalibration
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.forms import LinkedForms
from reverie.records.linked.infer import read_linked
from reverie.records.linked.opening import is_linked
from reverie.records.linked.schema import Clock, ForeignKey, LinkedSchema, LinkedTable
from reverie.records.linked.tables import LinkedTables

__all__ = [
    "Clock",
    "ForeignKey",
    "LinkedCalibration",
    "LinkedCodec",
    "LinkedForms",
    "LinkedSchema",
    "LinkedTable",
    "LinkedTables",
    "is_linked",
    "read_linked",
]
