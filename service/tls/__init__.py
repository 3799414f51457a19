"""TLS: certificates and keys from files, contexts after BCP 195, and whom a certificate names."""
