"""Brain Imaging Data Structure (BIDS 1.10): data sets as input, masks as a derivative data set."""
