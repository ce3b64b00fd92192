"""`python -m reverie`, which is how torchrun starts it."""

from reverie.cli import main

main()
