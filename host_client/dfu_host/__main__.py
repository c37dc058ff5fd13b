"""``python -m dfu_host``."""

import sys

from dfu_host.cli import main

sys.exit(main())
