"""Makes what the stack keeps secret, once: a private CA, certificates, data keys and database passwords.

What exists is never replaced, so that a second start changes nothing. Delete a certificate to have it made anew; never
delete data keys: what they sealed could not be opened again.

Besides it lays out the script that PostgreSQL begins with where PostgreSQL's user can read it, whatever the clone's modes are.
"""

import base64
import datetime
import os
import secrets
import shutil
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

POSTGRES_UID = 999
INGEST_UID = 10001
NOTIFY_UID = 10002
YEARS = 10

ROOT = Path("/secrets")
INIT = Path(__file__).with_name("postgres-init.sh")


def put(path: Path, content: bytes, uid: int) -> None:
    """Writes a file that only its user can read, whole or not at all, where there is none yet."""
    if not path.exists():
        draft = path.with_name(f".{path.name}")
        draft.write_bytes(content)
        draft.chmod(0o400)
        os.chown(draft, uid, uid)
        draft.rename(path)
        print(f"made {path}")


def lay_out(script: Path, folder: Path, uid: int) -> None:
    """Puts this version's script into the folder, for its user to run."""
    place = folder / "paybell.sh"
    shutil.copyfile(script, place)
    for path in (place, folder):
        path.chmod(0o500)
        os.chown(path, uid, uid)


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The key as unencrypted PKCS#8."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: x509.Name | None, signer: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    """A certificate for this name; without an issuer it is the authority itself."""
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=365 * YEARS))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=0 if issuer is None else None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=issuer is not None, content_commitment=False, key_encipherment=False,
                data_encipherment=False, key_agreement=False, key_cert_sign=issuer is None, crl_sign=issuer is None,
                encipher_only=False, decipher_only=False,
            ),
            critical=True,
        )
    )  # fmt: skip
    if issuer is not None:
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return builder.sign(signer, hashes.SHA256())


def make_certificates(readers: dict[str, tuple[Path, int]]) -> None:
    """One authority, and for each service a certificate that it alone can use."""
    if all((folder / f"{name}.pem").exists() for name, (folder, _) in readers.items()):
        return
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = certificate("Paybell private CA", authority_key, None, authority_key)
    for name, (folder, uid) in readers.items():
        for old in ("ca.pem", f"{name}.pem", f"{name}.key"):
            (folder / old).unlink(missing_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        pem = certificate(name, key, authority.subject, authority_key).public_bytes(serialization.Encoding.PEM)
        put(folder / "ca.pem", authority.public_bytes(serialization.Encoding.PEM), uid)
        put(folder / f"{name}.key", key_pem(key), uid)
        put(folder / f"{name}.pem", pem, uid)


def data_key(name: str) -> bytes:
    """A named 256-bit key in the form the services read."""
    return f"{name}:{base64.b64encode(secrets.token_bytes(32)).decode()}".encode()


def main() -> None:
    """Makes what is missing."""
    lay_out(INIT, ROOT / "postgres-init", POSTGRES_UID)
    postgres, ingest, notify = ROOT / "postgres", ROOT / "ingest", ROOT / "notify"
    for folder, uid in ((postgres, POSTGRES_UID), (ingest, INGEST_UID), (notify, NOTIFY_UID)):
        folder.mkdir(exist_ok=True)
        os.chown(folder, uid, uid)
        folder.chmod(0o500)
    put(postgres / "postgres-password", secrets.token_urlsafe(24).encode(), POSTGRES_UID)
    for name, folder, uid in (("ingest", ingest, INGEST_UID), ("notify", notify, NOTIFY_UID)):
        put(postgres / f"{name}-password", secrets.token_urlsafe(24).encode(), POSTGRES_UID)
        password = (postgres / f"{name}-password").read_text()
        url = f"postgres://{name}:{password}@postgres:5432/{name}?sslmode=disable"
        put(folder / "database-url", url.encode(), uid)
        put(folder / "data-keys", data_key("k1"), uid)
    put(notify / "lookup-keys", data_key("l1"), NOTIFY_UID)
    make_certificates({"ingest-service": (ingest, INGEST_UID), "notify-service": (notify, NOTIFY_UID)})
    print("secrets are in place")


if __name__ == "__main__":
    main()
