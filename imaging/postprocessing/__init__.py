"""Post-processing steps: changes to a finished mask that need the whole of it.

A step is a class in a file of its own; `steps.py` lists them all.
"""
