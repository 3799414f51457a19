"""The DICOM connector: images are received by C-STORE or fetched, results are sent back.

association_server (connections, requests) -> pdu_socket (PDUs) -> storage_scp
storage_scp (C-STORE) -> series_inbox (files by series) -> series_router (rules -> scans and jobs)
storage_scp -> caller_records (audit trail, refusals); application_entity (what is accepted)
archive_client (QIDO-RS, WADO-RS) <- use_cases/archives.py
dicomweb_client -> dicomweb_exchange -> exchange_deadline (an end for every exchange)
delivery_sender (deliveries -> STOW-RS or C-STORE)
"""
