"""Payloads of tasks, checked before anything is read or written for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from shared.domain.batch.batch import is_batch_id
from shared.domain.batch.request import MAX_COUNT
from shared.domain.errors import InvalidTask
from shared.domain.source.object_name import MAX_NAME_BYTES, checked_prefix

PAYLOAD_VERSION: Final = 1

MAX_STORE_NAME: Final = 200
"""Characters of a store's resource name, at most; the service's are shorter by far."""


def _batch_id(text: str) -> str:
    if not is_batch_id(text):
        raise ValueError("no batch has this id")
    return text


_Number = Annotated[int, Field(ge=0, le=MAX_COUNT)]
_BatchId = Annotated[str, AfterValidator(_batch_id)]
_Path = Annotated[
    str, Field(min_length=1, max_length=MAX_NAME_BYTES), AfterValidator(checked_prefix)
]


_Store = Annotated[
    str, Field(max_length=MAX_STORE_NAME, pattern=r"^(fileSearchStores/[A-Za-z0-9_-]+)?$")
]


class _Payload(BaseModel):
    """Fields that are not listed come from a newer version, and are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    version: Literal[1] = Field(alias="schema")
    batch: _BatchId


class StepPayload(_Payload):
    """One step of a file.

    Attributes:
        path: The file.
        seq: The number of its task.
        generation: The breaker's generation when the step was planned.
        store: Resource name of the batch's store; empty if the task doesn't tell.
        nudges: Whether the supervisor is to be called once the step is done.
        record: The file's record when the step was planned, see ``carried``; empty without one.
    """

    path: _Path
    seq: _Number
    generation: _Number
    store: _Store = ""
    nudges: bool = True
    record: str = ""


class LooksPayload(_Payload):
    """A run of the poller, which looks after the files of all batches."""


class ScanPayload(_Payload):
    """Pages of a batch's scan, from page ``index`` on."""

    index: _Number


Payload = TypeVar("Payload", bound=_Payload)


def checked_payload(kind: type[Payload], payload: Mapping[str, Any]) -> Payload:
    """The payload as ``kind``.

    Raises:
        InvalidTask: the schema is unknown, or a value is missing, of another type or impossible.
    """
    try:
        return kind.model_validate(payload)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_context=False)
        )
        raise InvalidTask(f"this version can't read the task: {problems}") from None
