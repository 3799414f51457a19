"""One file for each kind of source that `tessera models import` takes; see `..importer`."""
