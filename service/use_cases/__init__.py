"""Use cases: what the service does, without any knowledge of HTTP, DICOM networking or accounts.

Each is a small frozen class that holds just the parts that it uses; `service.wiring` builds them.
"""
