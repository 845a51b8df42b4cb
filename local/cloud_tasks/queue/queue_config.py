"""Checks and completes a queue's settings: defaults, limits and masked updates.

The limits are those in the API reference of `RateLimits` and `RetryConfig`. The defaults are those
that `gcloud tasks queues describe` shows for a queue created without settings
(https://docs.cloud.google.com/tasks/docs/configuring-queues).
"""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.field_mask_pb2 import FieldMask

from local.cloud_tasks.queue.retry import RetryPolicy
from local.cloud_tasks.queue.token_bucket import burst_size
from local.cloud_tasks.wire.errors import invalid, unimplemented
from local.cloud_tasks.wire.messages import Message, Queue, QueueMessage, seconds, set_seconds

MAX_RATE = 500.0
MAX_CONCURRENT = 5000
DEFAULT_RATE = 500.0
DEFAULT_CONCURRENT = 1000
DEFAULT_RETRY = RetryPolicy(
    max_attempts=100, max_retry_duration=0.0, min_backoff=0.1, max_backoff=3600.0, max_doublings=16
)

_OUTPUT_ONLY = frozenset({"name", "state", "purge_time", "rate_limits.max_burst_size"})
_DOUBLINGS = "retry_config.max_doublings"


def completed(queue: QueueMessage, literal: Sequence[str] = ()) -> QueueMessage:
    """Check a queue, and return a copy with a value for every rate limit and retry setting.

    Args:
        queue: The message that the client sent. Protobuf can't tell 0 from unset in `max_attempts`,
            `max_doublings` and the rate limits; there, 0 stands for the default.
        literal: Paths of an update mask; if they name `retry_config.max_doublings`, 0 means 0.

    Raises:
        Refused: A value is out of range, or this server does not support it.
    """
    queue = _copy(queue)
    _check_target(queue.http_target)
    check_retry(queue.retry_config)
    limits = queue.rate_limits
    if not 0 <= limits.max_dispatches_per_second <= MAX_RATE:
        raise invalid(f"rate_limits.max_dispatches_per_second must be between 0 and {MAX_RATE:g}.")
    if not 0 <= limits.max_concurrent_dispatches <= MAX_CONCURRENT:
        raise invalid(f"rate_limits.max_concurrent_dispatches must be at most {MAX_CONCURRENT}.")
    limits.max_dispatches_per_second = limits.max_dispatches_per_second or DEFAULT_RATE
    limits.max_concurrent_dispatches = limits.max_concurrent_dispatches or DEFAULT_CONCURRENT
    limits.max_burst_size = burst_size(limits.max_dispatches_per_second)
    zero_doublings = _DOUBLINGS in literal and queue.retry_config.max_doublings == 0
    fill_retry(queue.retry_config, DEFAULT_RETRY)
    if zero_doublings:
        queue.retry_config.max_doublings = 0
    return queue


def merged(queue: QueueMessage, update: QueueMessage, paths: Sequence[str]) -> QueueMessage:
    """Return the queue after UpdateQueue, with the fields in the mask replaced; no mask means all.

    Output-only fields do not change, even if the mask names them.

    Raises:
        Refused: The mask names an unknown field, or the result is not allowed.
    """
    for path in paths:
        if not FieldMask(paths=[path]).IsValidForDescriptor(Queue.DESCRIPTOR):
            raise invalid(f"update_mask: {path!r} is not a field of a queue.")
    if paths:
        result = _copy(queue)
        writable = [path for path in paths if path not in _OUTPUT_ONLY]
        FieldMask(paths=writable).MergeMessage(
            _with_parents(update, writable),
            result,
            replace_message_field=True,
            replace_repeated_field=True,
        )
    else:
        result = _copy(update)
        result.name, result.state = queue.name, queue.state
        result.ClearField("purge_time")
        if queue.HasField("purge_time"):
            result.purge_time.CopyFrom(queue.purge_time)
    return completed(result, literal=paths)


def check_retry(config: Message) -> None:
    """Check the values that a RetryConfig sets.

    Raises:
        Refused: INVALID_ARGUMENT, naming the field.
    """
    if config.max_attempts < -1:
        raise invalid("retry_config.max_attempts must be -1 (unlimited) or more.")
    if config.max_doublings < 0:
        raise invalid("retry_config.max_doublings must be 0 or more.")
    for field in ("max_retry_duration", "min_backoff", "max_backoff"):
        if seconds(getattr(config, field)) < 0:
            raise invalid(f"retry_config.{field} must be 0 s or more.")
    both = config.HasField("min_backoff") and config.HasField("max_backoff")
    if both and seconds(config.min_backoff) > seconds(config.max_backoff):
        raise invalid("retry_config.min_backoff must be at most retry_config.max_backoff.")


def fill_retry(config: Message, defaults: RetryPolicy) -> None:
    """Set unset values; a default backoff is adjusted to fit one that was set."""
    config.max_attempts = config.max_attempts or defaults.max_attempts
    config.max_doublings = config.max_doublings or defaults.max_doublings
    if not config.HasField("max_retry_duration"):
        set_seconds(config.max_retry_duration, defaults.max_retry_duration)
    if not config.HasField("min_backoff"):
        ceiling = seconds(config.max_backoff) if config.HasField("max_backoff") else float("inf")
        set_seconds(config.min_backoff, min(defaults.min_backoff, ceiling))
    if not config.HasField("max_backoff"):
        set_seconds(config.max_backoff, max(defaults.max_backoff, seconds(config.min_backoff)))


def _check_target(target: Message) -> None:
    if target.HasField("oauth_token"):
        raise unimplemented("http_target.oauth_token is not supported here; use oidc_token.")
    if target.HasField("uri_override"):
        raise unimplemented("http_target.uri_override is not supported here.")
    if target.HasField("oidc_token") and not (
        target.oidc_token.service_account_email and target.oidc_token.audience
    ):
        raise invalid("http_target.oidc_token needs a service_account_email and an audience.")


def _with_parents(update: QueueMessage, paths: Sequence[str]) -> QueueMessage:
    """Return a copy with all parents of the fields set; MergeMessage skips unset parents."""
    result = _copy(update)
    for path in paths:
        message = result
        for parent in path.split(".")[:-1]:
            message = getattr(message, parent)
            message.SetInParent()
    return result


def _copy(queue: QueueMessage) -> QueueMessage:
    result = Queue()
    result.CopyFrom(queue)
    return result
