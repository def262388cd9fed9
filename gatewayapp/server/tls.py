"""TLS 1.2 and later with ALPN http/1.1, and a development certificate that clients can be told to trust."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import trustme
from OpenSSL import SSL
from twisted.internet import ssl

from gatewayapp.server.limits import ServerOptions

CERTIFICATE = "certificate.pem"
KEY = "key.pem"
AUTHORITY = "ca.pem"


def context(options: ServerOptions) -> Any:
    """The Twisted context factory for `options`; None if they ask for plain TCP.

    Raises:
        OSError: a PEM file cannot be read or does not hold what it should.
    """
    if options.ssl_context is not None or options.certificate is None:
        return options.ssl_context
    chain = _certificates(Path(options.certificate))
    key = _private_key(Path(options.key or options.certificate))
    return ssl.CertificateOptions(
        privateKey=key,
        certificate=chain[0],
        extraCertChain=chain[1:],
        raiseMinimumTo=ssl.TLSVersion.TLSv1_2,
        acceptableProtocols=[b"http/1.1"],
    )


def development_certificate(directory: Path | str, hosts: Iterable[str]) -> tuple[Path, Path]:
    """A certificate for `hosts` in `directory`, made once: (certificate, key). Its authority is ca.pem beside them.

    `hosts` may be written as Django's ALLOWED_HOSTS: `.example.com` also stands for all names under it, `*` for none.
    Never for production: the authority's own key is thrown away, and whoever reads key.pem can be these hosts.
    """
    folder = Path(directory)
    certificate, key = folder / CERTIFICATE, folder / KEY
    if certificate.exists() and key.exists():
        return certificate, key
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA(organization_name="Nopal development")
    issued = authority.issue_cert(*_identities(hosts))
    authority.cert_pem.write_to_path(str(folder / AUTHORITY))
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key.touch(mode=0o600, exist_ok=True)
    key.chmod(0o600)
    key.write_bytes(issued.private_key_pem.bytes())
    return certificate, key


def _identities(hosts: Iterable[str]) -> list[str]:
    names: list[str] = []
    for host in hosts:
        if host.startswith("."):
            names += [host[1:], "*" + host]
        elif host != "*":
            names.append(host.strip("[]"))
    return names


def _certificates(path: Path) -> list[Any]:
    blocks = path.read_bytes().split(b"-----END CERTIFICATE-----")[:-1]
    if not blocks:
        raise OSError(f"{path} holds no PEM certificate")
    return [ssl.Certificate.loadPEM(block + b"-----END CERTIFICATE-----\n").original for block in blocks]


def _private_key(path: Path) -> Any:
    try:
        return ssl.KeyPair.load(path.read_bytes(), SSL.FILETYPE_PEM).original
    except SSL.Error as error:
        raise OSError(f"{path} holds no PEM private key") from error
