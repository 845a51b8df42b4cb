"""What a sync can be asked for: the body of ``POST /sync``, and the use case's argument."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.batch.batch import DeletePolicy, SyncMode, Trigger


class SyncRequest(BaseModel):
    """Every field may be left out; None takes the deployment's own setting or sets no bound."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    mode: SyncMode = Field(
        SyncMode.INCREMENTAL,
        strict=False,
        description="`incremental`; `full`, which trusts no earlier scan; `retry_failed`, which "
        "also retries every file that has failed; `reconcile`, which first [compares the records "
        "with the store](operations.md#reconcile)",
    )
    trigger: Trigger = Field(
        Trigger.HTTP,
        strict=False,
        description="`http`, or `scheduler`, for which a running batch is no error",
    )
    dry_run: bool = Field(
        default=False,
        description="[tell](operations.md#a-dry-run) what the sync would do and cost, and change "
        "nothing",
    )
    prefix: str = Field(
        "", max_length=1024, description="only names that begin so; must begin with `PREFIX`"
    )
    delete_policy: DeletePolicy | None = Field(
        None, strict=False, description="as `DELETE_POLICY`, for this batch"
    )
    max_deletes: int | None = Field(
        None, ge=0, description="refuse deletions altogether when there would be more"
    )
    max_imports: int | None = Field(
        None, ge=0, description="refuse the batch when more files wait to be imported"
    )
    max_estimated_cost: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="refuse the batch when embedding what waits to be imported is "
        "[estimated](limits.md#what-a-sync-costs) to cost more US dollars",
    )
    force: bool = Field(
        default=False,
        description="import everything even where the store holds documents that no record knows, "
        "instead of rebuilding the records from them",
    )
    new_store: bool = Field(
        default=False,
        description="fill [another store](operations.md#a-new-store); with mode `full`",
    )
