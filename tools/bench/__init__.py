"""Compares the compiler's libraries with its peers; see README.md of this folder."""
