"""`python -m compiler.driver`: see `compiler.driver.cli`."""

import os
import sys

from compiler.driver.cli import main

if __name__ == "__main__":
    code = main(sys.argv)
    os._exit(code)  # everything is written and flushed; taking torch apart would cost another 0.2 s
