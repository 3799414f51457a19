"""The routes: thin, no SQL, no error answers."""
