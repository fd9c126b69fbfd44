"""Ed25519 signatures over a bundle's manifest, which holds the sha256 of every other file.

A pair of keys: `openssl genpkey -algorithm ed25519 -out private.pem`, and from it
`openssl pkey -in private.pem -pubout -out public.pem`.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_VARIABLE = "FER_SIGNING_KEY"
TAG = "signature"
"""Tag of the model version that holds the signature, base64."""


def configured_key() -> Ed25519PrivateKey | None:
    """Load the private key that FER_SIGNING_KEY names; None where it is not set.

    Raises:
        ValueError: The file holds no Ed25519 private key without passphrase.
        OSError: The file can't be read.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    path = os.environ.get(KEY_VARIABLE)
    if not path:
        return None
    return _load(Path(path), Ed25519PrivateKey, lambda content: load_pem_private_key(content, password=None))


def sign(manifest: bytes, key: Ed25519PrivateKey) -> str:
    """Give the signature of a manifest's bytes, base64."""
    return base64.b64encode(key.sign(manifest)).decode()


def check(manifest: bytes, signature: str | None, public_key: Path) -> None:
    """Check that the holder of the private key signed these bytes.

    Args:
        manifest: Content of manifest.json.
        signature: The version's tag `signature`; None where it has none.
        public_key: PEM file.

    Raises:
        ValueError: No signature, a wrong one, or no Ed25519 public key in the file.
        OSError: The file can't be read.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    key = _load(public_key, Ed25519PublicKey, load_pem_public_key)
    if signature is None:
        raise ValueError(
            f"the bundle is not signed, expected a signature by {public_key}; promote with {KEY_VARIABLE} set"
        )
    try:
        key.verify(base64.b64decode(signature, validate=True), manifest)
    except (InvalidSignature, ValueError):
        raise ValueError(
            f"the bundle is signed wrongly or by another key than {public_key}; find out who changed it, do not use it"
        ) from None


def _load(path: Path, kind: type, load: Any) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm

    content = path.read_bytes()
    try:
        key = load(content)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(f"{path} can't be read as a key ({error}); expected a PEM file without passphrase") from None
    if not isinstance(key, kind):
        raise ValueError(f"{path} holds an {type(key).__name__}, expected an {kind.__name__}; make one with openssl")
    return key
