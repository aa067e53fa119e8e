"""`python -m sluice` is the command `sluice`."""

from sluice.faces.cli.main import run

run()
