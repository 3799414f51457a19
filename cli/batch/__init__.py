"""`tessera batch`: thousands of scans, one table of results.

source (folder, CSV, BIDS) -> entries -> plan -> threads -> journal -> results.csv, .parquet
                                           ^                   |
                                           +-- what is done ---+
"""
