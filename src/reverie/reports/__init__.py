"""The report on a model and what it makes: is it realistic, useful, private; with the evidence."""

from reverie.reports.build import report, report_on_tables
from reverie.reports.compare import compare
from reverie.reports.document import Report

__all__ = ["Report", "compare", "report", "report_on_tables"]
