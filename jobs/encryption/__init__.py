"""Encryption of stored files: what encrypts them, and how their keys are kept.

A file is encrypted by blocks (`block_cipher`) with a key of its own, which is derived from a data
key of its store. Data keys are kept in the store, encrypted with a key of the settings
(`KeyRing`), so that another key of the settings needs no file to be encrypted again.
"""

from jobs.encryption.data_key import DataKey
from jobs.encryption.encrypted_file import EncryptedFile
from jobs.encryption.key_folder import KeyFolder
from jobs.encryption.key_ring import KeyRing, new_key
from jobs.encryption.sequential import decrypted, encrypted
from jobs.encryption.store_keys import KeyFiles, StoredKey, StoreKeys, check_not_encrypted

__all__ = [
    "DataKey",
    "EncryptedFile",
    "KeyFiles",
    "KeyFolder",
    "KeyRing",
    "StoreKeys",
    "StoredKey",
    "check_not_encrypted",
    "decrypted",
    "encrypted",
    "new_key",
]
