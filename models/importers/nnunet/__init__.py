"""Imports networks that nnU-Net v2 trained: a results folder, or the zip that it exports.

https://github.com/MIC-DKFZ/nnUNet, version 2.8; facts only, no code.
"""
