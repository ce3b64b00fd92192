"""The report on a model and what it makes: is it realistic, useful, private; with the evidence."""

from reverie.reports.build import report, report_on_tables
from reverie.reports.compare import compare
from reverie.reports.document import Report
from reverie.reports.linked import linked_report, report_on_linked

__all__ = ["Report", "compare", "linked_report", "report", "report_on_linked", "report_on_tables"]
