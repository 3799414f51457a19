"""Preparation steps: how the channels of a scan become the input of a network.

They repeat what was done to the training scans, for networks that were trained elsewhere. A step is
a class in a file of its own; `steps.py` lists them all.
"""
