"""The MONAI Label connector, for its existing clients: 3D Slicer, OHIF, the Python client.

Its images, labels and inferences are Tessera's scans, reviews and jobs; docs/how-to/viewers.md maps
them.
"""
