"""Resources that use cases and connectors share: scratch files, metrics, secrets, peers."""
