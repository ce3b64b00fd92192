"""Jobs: work that outlives the call that asked for it, done in processes of its own, each ending in exactly one way.

    submit -> ledger (durable) -> queue -> worker: claim, work, result, outcome -> collector -> ledger -> whoever waits

The ledger is the truth and the server alone writes it. The queue carries messages and facts that are written once, so any
process may be killed at any moment: what was accepted is done, or said to have been interrupted.
"""

from reverie.service.jobs.job import FINAL, Event, Job, JobState, Lane
from reverie.service.jobs.jobs import Jobs
from reverie.service.jobs.work import Cancelled, Work

__all__ = ["FINAL", "Cancelled", "Event", "Job", "JobState", "Jobs", "Lane", "Work"]
