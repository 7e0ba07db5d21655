"""The settings of the tests: the product's, in a data folder of this run, never a developer's own."""

import atexit
import os
import shutil
import tempfile

os.environ["HARBORWEB_DATA"] = tempfile.mkdtemp(prefix="harborweb-tests-")
atexit.register(shutil.rmtree, os.environ["HARBORWEB_DATA"], ignore_errors=True)
os.environ["HARBORWEB_PLAIN_HTTP"] = "1"
os.environ["HARBORWEB_HOSTS"] = "testserver,localhost,127.0.0.1"

from harborweb.settings import *  # noqa: E402, F403

# SQLite's in-memory databases know no waiting for a lock, and real workers share the file with a test.
DATABASES["default"]["TEST"] = {"NAME": DATABASES["default"]["NAME"]}  # noqa: F405
CELERY_TASK_ROUTES["tests.jobs.worker_tasks.do_on_host"] = {"queue": "host"}  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick; no test is about the hash
