"""`python -m nnviz`: see nnviz/cli.py."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    try:
        from nnviz.cli import main  # takes seconds: torch

        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
