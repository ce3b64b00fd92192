"""Pictures changed by a trained run: made over, filled in, enlarged, sharpened, inverted, and what lies between two."""
