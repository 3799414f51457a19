"""What use cases and connectors share: scratch files, counters, secrets, the routing table."""
