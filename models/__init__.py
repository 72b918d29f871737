"""Worked examples: models in plain PyTorch, each with a `build` function for the export tool."""
