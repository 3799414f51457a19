"""Training of networks, such as those in `models/zoo`. Needs the extra `train`."""
