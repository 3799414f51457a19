"""Requests and their state: jobs, settings, SQL, blobs, queue."""
