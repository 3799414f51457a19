"""Maps a bundle's preprocessing to the card, transform by transform.

Each transform is a function in a file of its group; `transforms.py` lists them all.
"""
