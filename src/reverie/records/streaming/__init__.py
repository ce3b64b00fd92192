"""Tables beyond memory: read once from front to back, kept on disk in parts of whole patients."""

from reverie.records.streaming.roles import spooled
from reverie.records.streaming.spool import Spool

__all__ = ["Spool", "spooled"]
