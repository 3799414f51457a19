"""HTTP infrastructure: errors, guards, forms, entity tags, access log, API description."""
