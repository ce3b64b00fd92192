"""Work cut into shards that need nothing of each other, made by any engine into one folder.

    shard k = make(work, k)        a function of the work and of k alone

so any number of processes or machines makes the same bytes, and what was killed goes on where it was.
"""

from reverie.shards.engines import Engine, InProcess, Processes
from reverie.shards.folder import MANIFEST, RECORDS, Whole, begun, complete, make
from reverie.shards.share import Share
from reverie.shards.work import KINDS, Work, order, rebuilt

__all__ = [
    "KINDS",
    "MANIFEST",
    "RECORDS",
    "Engine",
    "InProcess",
    "Processes",
    "Share",
    "Whole",
    "Work",
    "begun",
    "complete",
    "make",
    "order",
    "rebuilt",
]
