"""The gateway among DICOM systems: images come by C-STORE or are fetched, results go back.

receiver (C-STORE) -> inbox (files by series) -> router (rules -> scans, jobs, deliveries)
                                                 courier (deliveries -> STOW-RS or C-STORE)
dicomweb (QIDO-RS, WADO-RS) <- routes/archives.py
"""
