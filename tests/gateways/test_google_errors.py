from __future__ import annotations

import base64
from types import SimpleNamespace

import pytest
import requests
from google.api_core import exceptions
from google.auth.exceptions import RefreshError, TransportError

from shared.domain.errors import BadRequest, Forbidden, GatewayError, NotFound, Unavailable
from shared.gateways.cloud_storage.bucket import _info
from shared.gateways.google_errors import google_errors


def raised(error: Exception) -> GatewayError:
    with pytest.raises(GatewayError) as caught, google_errors("bucket.call"):
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (exceptions.NotFound("x"), NotFound),
        (exceptions.PreconditionFailed("x"), NotFound),
        (exceptions.Forbidden("x"), Forbidden),
        (exceptions.Unauthorized("x"), Forbidden),
        (exceptions.PermissionDenied("x"), Forbidden),
        (exceptions.InvalidArgument("x"), BadRequest),
        (exceptions.BadRequest("x"), BadRequest),
        (exceptions.TooManyRequests("x"), Unavailable),
        (exceptions.ResourceExhausted("x"), Unavailable),
        (exceptions.ServiceUnavailable("x"), Unavailable),
        (exceptions.DeadlineExceeded("x"), Unavailable),
        (exceptions.InternalServerError("x"), Unavailable),
        (exceptions.Cancelled("x"), Unavailable),
        (exceptions.Unknown("x"), Unavailable),
        (exceptions.RetryError("x", exceptions.ServiceUnavailable("x")), Unavailable),
        (exceptions.RetryError("x", exceptions.Forbidden("x")), Forbidden),
        (exceptions.RetryError("x", requests.ConnectionError("x")), Unavailable),
        (requests.ConnectionError("x"), Unavailable),
        (requests.Timeout("x"), Unavailable),
        (requests.exceptions.ChunkedEncodingError("x"), Unavailable),
        (ConnectionResetError("x"), Unavailable),
        (TransportError("x"), Unavailable),
        (RefreshError("x"), Forbidden),
    ],
)
def test_a_failure_of_our_infrastructure_is_told_by_type_and_code(
    error: Exception, kind: type[GatewayError]
) -> None:
    found = raised(error)
    assert type(found) is kind
    assert found.call == "bucket.call"


def test_an_object_without_md5_has_its_crc32c() -> None:
    blob = SimpleNamespace(
        name="composite",
        size=3,
        generation=1,
        metageneration=1,
        md5_hash=None,
        crc32c=base64.b64encode(bytes.fromhex("00c0ffee")).decode(),
        content_type=None,
        updated=None,
        metadata=None,
        content_encoding=None,
    )
    found = _info(blob)  # type: ignore[arg-type]  # all that is read of a Blob
    assert found.content_hash == "crc32c:00c0ffee"
    assert (found.content_type, found.metadata, found.content_encoding) == ("", {}, "")
