"""The DICOM connector: images are received by C-STORE or fetched, results are sent back.

storage_scp (C-STORE) -> series_inbox (files by series) -> series_router (rules -> scans and jobs)
archive_client (QIDO-RS, WADO-RS) <- use_cases/archives.py
delivery_sender (deliveries -> STOW-RS or C-STORE)
"""
