"""Imports MONAI bundles: https://docs.monai.io/en/stable/mb_specification.html.

config file -> values (`config`, `expressions`) -> network (`network`) and card fields
(`preprocessing`, `inferer`, `postprocessing`, `card`). Facts of MONAI 1.6; no code of it.
"""
