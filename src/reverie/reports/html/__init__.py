"""The report as one HTML file, readable offline."""

from reverie.reports.html.page import page, report_page

__all__ = ["page", "report_page"]
