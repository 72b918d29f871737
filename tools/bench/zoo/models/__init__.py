"""Build functions of the zoo's models, one file a library; `tools/bench/zoo/entries.py` lists them."""
