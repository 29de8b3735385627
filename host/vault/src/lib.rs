//! Sealed values under a Fernet keyring
