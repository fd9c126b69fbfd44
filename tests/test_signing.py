"""Who signed a bundle."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from src.tracking import signing

PRIVATE = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
PUBLIC = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo


def write_keys(folder: Path, name: str) -> tuple[Path, Path]:
    key = Ed25519PrivateKey.generate()
    private, public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, *PRIVATE))
    public.write_bytes(key.public_key().public_bytes(*PUBLIC))
    return private, public


def sign(manifest: bytes, private: Path, patch: pytest.MonkeyPatch) -> str:
    patch.setenv("FER_SIGNING_KEY", str(private))
    key = signing.configured_key()
    assert key is not None
    return signing.sign(manifest, key)


def test_what_was_signed_checks_and_one_byte_more_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    private, public = write_keys(tmp_path, "ours")
    signature = sign(b"{}", private, monkeypatch)
    signing.check(b"{}", signature, public)
    with pytest.raises(ValueError, match="signed wrongly"):
        signing.check(b"{} ", signature, public)


def test_another_key_no_signature_and_nonsense_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    signature = sign(b"{}", write_keys(tmp_path, "ours")[0], monkeypatch)
    _, public = write_keys(tmp_path, "theirs")
    with pytest.raises(ValueError, match="another key"):
        signing.check(b"{}", signature, public)
    with pytest.raises(ValueError, match="is not signed"):
        signing.check(b"{}", None, public)
    for nonsense in ("", "ä", "####", signature[:-4]):
        with pytest.raises(ValueError, match="signed wrongly"):
            signing.check(b"{}", nonsense, public)


def test_without_the_variable_nothing_is_signed(monkeypatch: pytest.MonkeyPatch):
    assert signing.configured_key() is None


def test_a_file_that_is_no_ed25519_key_is_named_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "key.pem"
    monkeypatch.setenv("FER_SIGNING_KEY", str(path))
    with pytest.raises(FileNotFoundError):
        signing.configured_key()
    path.write_text("secret")
    with pytest.raises(ValueError, match="can't be read as a key"):
        signing.configured_key()
    other = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(other.private_bytes(serialization.Encoding.PEM, *PRIVATE))
    with pytest.raises(ValueError, match="expected an Ed25519PrivateKey"):
        signing.configured_key()
