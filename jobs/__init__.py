"""What was asked and where it stands: job life, settings, SQL, blobs, queue."""
