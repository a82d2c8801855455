"""Signed models: with write access to the models folder alone, nobody can make a model that a server loads.

The manifest holds the digest of every file, so its signature (Ed25519) covers the model. Without keys nothing is
signed and no signature is required. An earlier model keeps its signature: which one is champion is up to the history.
"""

from base64 import b64decode, b64encode
from pathlib import Path

from pydantic import Field

from flights.artifacts import read_bytes
from flights.config import EnvironmentSettings
from flights.files import MANIFEST_FILE, SIGNATURE_FILE


class Settings(EnvironmentSettings):
    """The keys."""

    model_signing_key: str = Field(
        "", description="Private Ed25519 key (base64) that signs new models; empty: none.", repr=False
    )
    model_verify_key: str = Field("", description="Public key (base64) that every model must be signed with.")


class SignatureRejected(ValueError):
    """A model is not signed with the required key."""


def published(manifest: Path) -> None:
    """Sign a new manifest if there is a key."""
    if key := Settings().model_signing_key:
        sign(manifest, key)


def sign(manifest: Path, key: str) -> None:
    """Write the signature of a manifest to the manifest's folder; `key` is the private key in base64."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    signature = Ed25519PrivateKey.from_private_bytes(b64decode(key)).sign(manifest.read_bytes())
    (manifest.parent / SIGNATURE_FILE).write_text(b64encode(signature).decode() + "\n")


def verify(folder: Path) -> None:
    """Check the signature of a model's manifest if a key is set.

    Raises
    ------
    SignatureRejected
        There is none, or it belongs to another manifest or another key.
    """
    key = Settings().model_verify_key
    if not key:
        return
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    signature = folder / SIGNATURE_FILE
    if not signature.is_file():
        raise SignatureRejected("not signed, but MODEL_VERIFY_KEY is set: train with MODEL_SIGNING_KEY")
    try:
        Ed25519PublicKey.from_public_bytes(b64decode(key)).verify(
            b64decode(read_bytes(signature)), read_bytes(folder / MANIFEST_FILE)
        )
    except InvalidSignature:
        raise SignatureRejected("not signed by the owner of MODEL_VERIFY_KEY, or altered since") from None
