"""The management API over a real socket, and boto3 clients of it."""

import boto3
import pytest
from botocore.config import Config
from django.core.servers.basehttp import ThreadedWSGIServer
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.test.testcases import LiveServerThread, QuietWSGIRequestHandler

from gatewayapp.controlplane import operations


class RawPathHandler(QuietWSGIRequestHandler):
    """Tells the path as it is on the wire, as WSGI servers in production and ASGI do."""

    def get_environ(self):
        return super().get_environ() | {"REQUEST_URI": self.path}


class ServerThread(LiveServerThread):
    def _create_server(self, connections_override=None):
        return ThreadedWSGIServer(
            (self.host, self.port), RawPathHandler, allow_reuse_address=False, connections_override=connections_override
        )


@pytest.fixture(scope="session")
def management_url(django_db_setup, django_db_blocker):
    """Where the management API answers, in a thread that shares the test's database connection."""
    shared = {connection.alias: connection for connection in connections.all() if connection.vendor == "sqlite"}
    thread = ServerThread("127.0.0.1", lambda application: get_wsgi_application(), connections_override=shared)
    thread.daemon = True
    for connection in shared.values():
        connection.inc_thread_sharing()
    thread.start()
    thread.is_ready.wait()
    if thread.error:
        raise thread.error
    yield f"http://127.0.0.1:{thread.port}"
    thread.terminate()
    for connection in shared.values():
        connection.dec_thread_sharing()


@pytest.fixture(scope="session")
def sdk():
    return boto3.Session(region_name="eu-west-1")


@pytest.fixture
def client_of(management_url, transactional_db, sdk):
    """A boto3 client of a key that may do what `permissions` say, everything by default."""

    def client(permissions=operations.access_keys.EVERYTHING, *, secret=None, key_id=None):
        key, real_secret = operations.create_access_key(name="tests", permissions=permissions)
        return sdk.client(
            "apigatewayv2",
            endpoint_url=management_url,
            aws_access_key_id=key_id or key.pk,
            aws_secret_access_key=secret or real_secret,
            config=Config(retries={"max_attempts": 0}),
        )

    return client


@pytest.fixture
def client(client_of):
    return client_of()
