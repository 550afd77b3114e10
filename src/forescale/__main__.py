"""`python -m forescale` is the command `forescale`."""

import sys

from forescale.cli import main

sys.exit(main())
