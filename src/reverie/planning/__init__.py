"""Trainings: what can be asked of one, what it will take, and the plan that runs it.

The options are light: torch is loaded by plan.py alone.
"""
