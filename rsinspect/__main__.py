"""``python -m rsinspect``; like the program, it imports nothing from where it is called."""

import sys

if not sys.flags.safe_path:
    del sys.path[0]  # the working directory, and whatever somebody put there

from rsinspect.cli.app import main

main()
