"""Reverie runs diffusion backwards, on images and on patient records, and shows that it is right."""

__version__ = "0.1.0"
