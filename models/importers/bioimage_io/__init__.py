"""Imports models of BioImage.IO, by their description (rdf.yaml) of the formats 0.4 and 0.5.

description file -> `Description` (`format_0_4`, `format_0_5`) -> network (`network`) and card
fields (`preprocessing`, `postprocessing`, `card`), compared with the package's own test tensors
(`own_test`). Facts of the specification (https://bioimage.io/docs and the package
bioimageio.spec 0.5.12) and of bioimageio.core 0.11; no code of them. Nothing is downloaded.
"""
