"""`python -m gatewayapp.server MODULE:APP` serves any ASGI application."""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
from dataclasses import MISSING, Field, fields
from ipaddress import ip_network
from typing import Any

from gatewayapp.server import ServerOptions, run

SKIPPED = ("ssl_context", "direct_paths", "trusted_proxies")


def main(arguments: list[str]) -> None:
    parsed = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    sys.path.insert(0, "")
    options = ServerOptions(
        **{field.name: getattr(parsed, field.name) for field in _plain_fields()},
        trusted_proxies=tuple(ip_network(network) for network in parsed.trusted_proxy),
    )
    scheme = "https" if options.certificate else "http"

    def ready(host: str, port: int) -> None:
        sys.stderr.write(f"Listening on {scheme}://{host}:{port}\n")
        sys.stderr.flush()

    run(load(parsed.application), options, ready=ready)


def load(name: str) -> Any:
    """The object that `module:attribute` names."""
    module, colon, attribute = name.partition(":")
    if not colon:
        raise SystemExit(f"{name!r} does not name an application: write it as module:attribute")
    return getattr(importlib.import_module(module), attribute)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gatewayapp.server", description=__doc__)
    parser.add_argument("application", metavar="MODULE:APP")
    parser.add_argument("--trusted-proxy", action="append", default=[], metavar="NETWORK")
    for field in _plain_fields():
        kind = str if field.default in (None, MISSING) else type(field.default)
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=field.default)
    return parser


def _plain_fields() -> list[Field[Any]]:
    return [field for field in fields(ServerOptions) if field.name not in SKIPPED]


if __name__ == "__main__":
    main(sys.argv[1:])
