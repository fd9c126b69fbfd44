"""The settings of a developer, which are not for the tests, and those that tests leave, which are not for the next."""

import atexit
import os
import shutil
import tempfile

IN_MEMORY = "/dev/shm"
"""Where it has room, the tests' folders lie there: no database waits for a disk, hundreds of times a test."""
ROOM = 4 * 1024**3
OURS = ("DVC_", "FER", "GIT_", "KERAS_", "MLFLOW_", "PYTHONUNBUFFERED")

for name in [name for name in os.environ if name.startswith(OURS)]:
    del os.environ[name]
SCRATCH = tempfile.mkdtemp(prefix="fer-emotion-tests-")
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)
os.environ |= {"DVC_NO_ANALYTICS": "true", "KERAS_BACKEND": "tensorflow", "MLFLOW_DISABLE_TELEMETRY": "true"}
os.environ |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
os.environ |= {
    f"DVC_{name}": f"{SCRATCH}/{name}" for name in ("GLOBAL_CONFIG_DIR", "SYSTEM_CONFIG_DIR", "SITE_CACHE_DIR")
}
os.environ |= dict.fromkeys(("NO_PROXY", "no_proxy"), "localhost,127.0.0.1")
if os.path.isdir(IN_MEMORY) and shutil.disk_usage(IN_MEMORY).free > ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", IN_MEMORY)
CLEAN = frozenset(os.environ)


def forget() -> None:
    """Take away what was set since: MLflow writes the address of its store into the environment."""
    for name in [name for name in set(os.environ) - CLEAN if name.startswith(OURS)]:
        del os.environ[name]
