"""`python -m sigclean` is the `sigclean` command."""

import sys

from sigclean.cli import main

if __name__ == "__main__":
    sys.exit(main())
