"""Tests see none of the caller's configuration, and no request leaves this machine by accident."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

from shared.config import SyncSettings

_OURS = {name.upper() for name in SyncSettings.model_fields}

_OTHERS = (
    "CLOUDSDK_",
    "CLOUD_RUN_",
    "FIRESTORE_EMULATOR_HOST",  # tests clear the database they use: never someone's running one
    "FUNCTION_",
    "GCLOUD_",
    "GEMINI_",
    "GOOGLE_",
    "K_",
    "STORAGE_EMULATOR_HOST",
)


# How fast examples are made says something about the machine, and nothing about the code.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_configure() -> None:
    for name in list(os.environ):
        if name in _OURS or name.startswith(_OTHERS):
            del os.environ[name]
    os.environ["NO_GCE_CHECK"] = "true"  # google.auth looks for no metadata server
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    # Cloud Storage's client asks for the bucket in threads of its own, whose waits after an error
    # disturb Hypothesis, since they draw from the same random numbers.
    os.environ["DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA"] = "true"
