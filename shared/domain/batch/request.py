"""The request for a sync: the body of ``POST /sync``, and the use case's argument."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.domain.batch.batch import DeletePolicy, SyncMode, Trigger
from shared.domain.source.object_name import MAX_NAME_BYTES, checked_prefix

MAX_COUNT = 2**63 - 1
"""The largest count that a record holds."""


class SyncRequest(BaseModel):
    """A request for a sync. Every field may be left out.

    None means the deployment's setting, or no limit.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    mode: SyncMode = Field(
        SyncMode.INCREMENTAL,
        strict=False,
        description="`incremental`; `full`, which reads every record, also of ranges of names that "
        "have not changed; `retry_failed`, which also retries every failed file; `reconcile`, "
        "which first [compares the records with the store](operations.md#reconcile)",
    )
    trigger: Trigger = Field(
        Trigger.HTTP,
        strict=False,
        description="`http`; or `scheduler`, which gets a 200 instead of a 409 while a batch runs",
    )
    dry_run: bool = Field(
        default=False,
        description="[report](operations.md#a-dry-run) what the sync would do and cost, without "
        "changing anything",
    )
    prefix: Annotated[str, AfterValidator(checked_prefix)] = Field(
        "",
        max_length=MAX_NAME_BYTES,
        description="sync only names that start with this; must start with `PREFIX`",
    )
    delete_policy: DeletePolicy | None = Field(
        None, strict=False, description="as `DELETE_POLICY`, for this batch"
    )
    max_deletes: int | None = Field(
        None,
        ge=0,
        le=MAX_COUNT,
        description="delete nothing if more documents than this would be deleted",
    )
    max_imports: int | None = Field(
        None,
        ge=0,
        le=MAX_COUNT,
        description="refuse the batch if more files than this wait to be imported",
    )
    max_estimated_cost: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="refuse the batch if its imports are [estimated](limits.md#what-a-sync-costs) "
        "to cost more than this, in US dollars",
    )
    force: bool = Field(
        default=False,
        description="if the records are lost, import every file again instead of rebuilding the "
        "records from the store's documents; otherwise no effect",
    )
    new_store: bool = Field(
        default=False,
        description="fill [another store](operations.md#a-new-store), also in place of "
        "[one that is gone](operations.md#a-store-that-is-gone); only with mode `full` and without "
        "`prefix`",
    )
