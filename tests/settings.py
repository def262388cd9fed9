"""Settings of the test run: the real ones, with a data directory of its own."""

import atexit
import os
import shutil
import tempfile

os.environ["NOPAL_DATA_DIR"] = tempfile.mkdtemp(prefix="nopal-tests-")
atexit.register(shutil.rmtree, os.environ["NOPAL_DATA_DIR"], ignore_errors=True)

from gatewayapp.settings import *  # noqa: E402, F403

# Real hashes are slow on purpose; what the tests are about is who may sign in.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Every client of a test makes the middleware anew: it is to look for a static file when asked, not for all at first.
WHITENOISE_AUTOREFRESH = True
