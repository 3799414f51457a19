"""How people reach it: the gateway and the built review page."""
