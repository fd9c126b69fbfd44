"""The settings of a developer, which are not for the tests, and those that tests leave, which are not for the next."""

import os

OURS = ("DVC_", "FER", "KERAS_", "MLFLOW_")

for name in [name for name in os.environ if name.startswith(OURS)]:
    del os.environ[name]
os.environ |= {"DVC_NO_ANALYTICS": "true", "KERAS_BACKEND": "tensorflow", "MLFLOW_DISABLE_TELEMETRY": "true"}
CLEAN = frozenset(os.environ)


def forget() -> None:
    """Take away what was set since: MLflow writes the address of its store into the environment."""
    for name in [name for name in set(os.environ) - CLEAN if name.startswith(OURS)]:
        del os.environ[name]
