"""Pages to give away: one HTML file each, which needs no server and can ask nothing of any machine."""

from reverie.giveaway.bundle import bundle
from reverie.giveaway.document import LIMIT, document, too_large
from reverie.giveaway.run import run_page

__all__ = ["LIMIT", "bundle", "document", "run_page", "too_large"]
