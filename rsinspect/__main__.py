"""``python -m rsinspect``."""

from rsinspect.cli.app import main

main()
