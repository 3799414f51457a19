"""The runtimes, one file each: `RUNTIME` is found there by `inference.runtime_registry`."""
