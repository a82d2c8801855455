"""Keys: a new pair for signing models, as settings; the first stays where models are made, the second goes anywhere."""

from base64 import b64encode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def main() -> None:
    """Print a pair."""
    key = Ed25519PrivateKey.generate()
    print(f"MODEL_SIGNING_KEY={b64encode(key.private_bytes_raw()).decode()}")
    print(f"MODEL_VERIFY_KEY={b64encode(key.public_key().public_bytes_raw()).decode()}")


if __name__ == "__main__":
    main()
