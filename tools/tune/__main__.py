"""python -m tools.tune: see tune.py. Processes that compile import this file too, and nothing of it."""

if __name__ == "__main__":
    import sys

    from tools.tune.tune import main

    sys.exit(main(sys.argv[1:]))
