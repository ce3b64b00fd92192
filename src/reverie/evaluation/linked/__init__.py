"""Judging synthetic linked tables: three hospitals of one schema, trained on, held out and synthetic.

plan.py        what is compared, settled on the real tables: lanes of rows, what each row is about
hospital.py    the tables in the order in which patients lived them
lived.py       samples of what is lived: gaps, durations, codes, what follows on what; together.py: pairs of codes
profile.py     all of it as sums over patients, in which samples of patients are compared
features.py    a patient as one row of numbers over all tables
rules.py       rules across tables, found in real ones
sides.py       the hospitals of a report, ready to be compared
areas.py       the parts of the report, each declared in a file of its own
"""

from reverie.evaluation.linked.hospital import Hospital
from reverie.evaluation.linked.plan import Plan
from reverie.evaluation.linked.sides import Sides

__all__ = ["Hospital", "Plan", "Sides"]
