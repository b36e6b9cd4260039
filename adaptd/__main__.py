"""`python -m adaptd` is `adaptd`."""

import sys

from adaptd.cli.main import main

sys.exit(main())
