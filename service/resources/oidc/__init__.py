"""An OpenID provider: its description, its keys, and what its tokens say."""
