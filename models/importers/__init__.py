"""Importers: each converts networks of one kind of source into a model. Only these may need torch.

The kinds are in `models.importers.kinds`, and `models.importers.registry` finds them there.
"""
