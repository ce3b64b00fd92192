"""Trainings: what can be asked of one, and the plan that runs it. The options alone are light: plan.py loads torch."""

from reverie.planning.options import Options

__all__ = ["Options"]
