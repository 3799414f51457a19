"""MONAI Label's REST surface, for the clients that people already have: 3D Slicer, OHIF, Python.

What it stores are Tessera's own scans, jobs and reviews; docs/monai-label.md tells which is which.
"""
