"""What the tests of the laboratory share with its figures, which run without the test suite's packages."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
