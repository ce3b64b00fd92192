"""Property-based tests draw the same examples in every run, and no test is decided by a clock."""

from hypothesis import HealthCheck, settings

settings.register_profile("reverie", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("reverie")
