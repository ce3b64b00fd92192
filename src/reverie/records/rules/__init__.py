"""Rules that every patient of a table obeys: written, read, counted where broken, found, kept."""

from reverie.records.rules.grammar import parse
from reverie.records.rules.rows import Rows
from reverie.records.rules.rule import ELSE, Claim, Course, Empty, Filled, OneOf, Relation, Rule, Tells
from reverie.records.rules.rules import Rules

__all__ = ["ELSE", "Claim", "Course", "Empty", "Filled", "OneOf", "Relation", "Rows", "Rule", "Rules", "Tells", "parse"]
