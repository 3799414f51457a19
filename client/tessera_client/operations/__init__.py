"""The operations of the client, each once, as steps."""
