"""The routes of /v1, health checks and the review page: thin, without SQL or error responses."""
