"""The demonstrations: forward and reverse processes, schedules, proofs, mistakes."""
