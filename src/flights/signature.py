"""Signed models: who can write the folder of models still cannot make one that a server with the public key loads.

The manifest holds the digest of every file, so its signature (Ed25519) covers the model. Without keys nothing is signed
and nothing asked for. An earlier model keeps its signature: which one is champion is the history's to say.
"""

from base64 import b64decode, b64encode
from pathlib import Path

SIGNATURE = "manifest.sig"


class SignatureRefused(ValueError):
    """A model is not signed with the key that is asked for."""


def sign(manifest: Path, key: str) -> None:
    """Write the signature of a manifest beside it; `key` is the private key in base64."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    signature = Ed25519PrivateKey.from_private_bytes(b64decode(key)).sign(manifest.read_bytes())
    (manifest.parent / SIGNATURE).write_text(b64encode(signature).decode() + "\n")


def verify(manifest: Path, key: str) -> None:
    """Hold a manifest against the signature beside it; `key` is the public key in base64.

    Raises
    ------
    SignatureRefused
        There is none, or it is another manifest's or another key's.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    signature = manifest.parent / SIGNATURE
    if not signature.is_file():
        raise SignatureRefused("not signed, and MODEL_VERIFY_KEY asks for it: train with MODEL_SIGNING_KEY")
    try:
        Ed25519PublicKey.from_public_bytes(b64decode(key)).verify(
            b64decode(signature.read_text()), manifest.read_bytes()
        )
    except InvalidSignature:
        raise SignatureRefused("not signed by the owner of MODEL_VERIFY_KEY, or altered since") from None
