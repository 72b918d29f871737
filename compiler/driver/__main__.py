"""`python -m compiler.driver`: see `compiler.driver.cli`."""

import os
import sys

from compiler.driver.cli import main

if __name__ == "__main__":
    code = main(sys.argv)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # everything is written and closed; taking torch apart would cost another 0.2 s
