"""The settings that people choose for a deployment; each is declared here, once.

A declaration holds the type, the bounds, the default, the help text, an example, and whether a
scan's decisions depend on the setting. The environment variable has the field's name in upper case;
Terraform's ``settings`` object has the name as it is. The tables of ``docs/configuration.md``, the
check of ``terraform/variables.tf`` and the digest of a remembered range are made from these
declarations.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from shared.domain.batch.batch import DeletePolicy
from shared.domain.estimate.budget import default_cost_per_day
from shared.domain.estimate.prices import PICTURE_TOKENS, Price, load_prices
from shared.domain.ids import digest, import_settings_digest, owner_tag
from shared.domain.metadata.metadata import DEFAULT_EXPECTED_FIELDS, parse_expected_fields
from shared.domain.metadata.path_template import PathTemplate
from shared.domain.metadata.tool_metadata import MetadataNames, checked_name
from shared.domain.source.eligibility import MAX_DOCUMENT_SIZE
from shared.domain.source.ignored_names import checked_rule
from shared.domain.source.object_name import checked_prefix
from shared.domain.source.path_glob import PathGlob
from shared.domain.source.picture import takes_pictures
from shared.domain.throttle.tiers import Tier, default_tier, tier_named

RECONCILE_DAYS = 7
"""Days between two listings of the whole store. Counts may agree by chance, so the store is listed
this often even if they agree."""

SCAN_VERSION = 4
"""Increase it if the code decides differently about the same listing than before."""


def setting(
    default: Any = ...,  # noqa: ANN401 - as pydantic's Field
    *,
    about: str,
    example: str = "",
    told_default: str = "",
    shapes_scan: bool = False,
    **bounds: Any,  # noqa: ANN401 - as pydantic's Field
) -> Any:  # noqa: ANN401 - as pydantic's Field
    """Declare a setting.

    Args:
        default: The default; without one, the setting is required.
        about: What the setting means, in the words of ``docs/configuration.md``.
        example: A value, as an environment variable holds it.
        told_default: Text that describes the default if it depends on another setting.
        shapes_scan: Whether a scan's decisions about a listing depend on the setting.
        bounds: Arguments for pydantic's ``Field``, such as bounds or ``default_factory``.
    """
    marks: dict[str, Any] = {
        "example": example,
        "told_default": told_default,
        "shapes_scan": shapes_scan,
    }
    if "default_factory" in bounds:
        return Field(description=about, json_schema_extra=marks, **bounds)
    return Field(default, description=about, json_schema_extra=marks, **bounds)


def _listed(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _tier(value: object) -> object:
    return tier_named(value) if isinstance(value, str) else value


def _template(value: object) -> object:
    return PathTemplate.parse(value) if isinstance(value, str) else value


def _glob(value: object) -> object:
    return PathGlob.parse(value) if isinstance(value, str) else value


def _fields(value: tuple[str, ...]) -> tuple[str, ...]:
    parse_expected_fields(value)
    return value


Text = Annotated[str, Field(min_length=1)]
Globs = Annotated[tuple[Annotated[PathGlob, BeforeValidator(_glob)], ...], BeforeValidator(_listed)]
MetadataKeys = Annotated[
    tuple[Annotated[str, AfterValidator(checked_name)], ...], BeforeValidator(_listed)
]
BuiltInRules = Annotated[
    tuple[Annotated[str, AfterValidator(checked_rule)], ...], BeforeValidator(_listed)
]
Fields = Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_fields)]


class Declared(BaseModel):
    """Base class of all settings, whose values don't change once they are read."""

    # A function reads one class of settings: no validators are built for those that it is made of.
    model_config = ConfigDict(
        frozen=True, extra="ignore", arbitrary_types_allowed=True, defer_build=True
    )


class IdentitySettings(Declared):
    """The deployment's identity, and its quota tier."""

    bucket: Text = setting(about="the bucket's name, without `gs://`", example="acme-handbook")
    prefix: Annotated[str, AfterValidator(checked_prefix)] = setting(
        "",
        about="only objects whose names start with this are synced; end it with `/`, since `docs` "
        "matches `docs-old/` too",
        example="docs/",
        shapes_scan=True,
    )
    deployment: Text = setting(
        about="name of this deployment; the owner tag of its documents is made from it, the bucket "
        "and the prefix",
        example="prod",
    )
    tier: Annotated[Tier, BeforeValidator(_tier)] = setting(
        about="quota tier, one of those in [limits.md](limits.md#tier-presets)",
        example="tier2",
        default_factory=default_tier,
    )


class StoreSettings(Declared):
    """The store, and how documents are embedded."""

    store_display_name: str = setting(
        "",
        about="display name by which the store is found or created; up to 512 characters",
        example="Handbook",
        told_default="`file-search-sync <DEPLOYMENT>`",
        max_length=512,
    )
    embedding_model: str = setting(
        "",
        about="embedding model for a store that is created; if not set, the service's default",
        example="models/gemini-embedding-001",
        shapes_scan=True,
    )
    chunk_max_tokens: int = setting(
        0,
        about="most tokens of a chunk, up to 512; 0 means the service's own chunking",
        example="200",
        shapes_scan=True,
        ge=0,
        le=512,
    )
    chunk_overlap_tokens: int = setting(
        0,
        about="tokens that neighbouring chunks share; less than `CHUNK_MAX_TOKENS`",
        example="20",
        shapes_scan=True,
        ge=0,
    )


class SourceSettings(Declared):
    """Which files are synced, and with which metadata."""

    path_template: Annotated[PathTemplate | None, BeforeValidator(_template)] = setting(
        None,
        about="template that reads metadata from names; see "
        "[metadata.md](metadata.md#the-path-template)",
        example="{category}/{year:int}/{title}",
        shapes_scan=True,
    )
    expected_fields: Fields = setting(
        DEFAULT_EXPECTED_FIELDS,
        about="metadata fields that a complete file has, the most important first; a single `,` "
        "means none; see [metadata.md](metadata.md#the-quality-score)",
        example="category,year:int,title",
        shapes_scan=True,
    )
    ignored_metadata: MetadataKeys = setting(
        (),
        about="names of objects' own metadata to leave out, besides "
        "[those of copying tools](metadata.md#what-copying-tools-write); a `*` at the end stands "
        "for any rest",
        example="etl-run-id,backup-*",
        shapes_scan=True,
    )
    kept_metadata: MetadataKeys = setting(
        (),
        about="names of objects' own metadata to keep, though they would be left out; in the same "
        "form",
        example="mtime",
        shapes_scan=True,
    )
    include: Globs = setting(
        (),
        about="patterns; a file must match one of them; if not set, every file is included",
        example="**/*.md,**/*.pdf",
        shapes_scan=True,
    )
    exclude: Globs = setting(
        (),
        about="patterns; a file must match none of them; `EXCLUDE` wins over `INCLUDE`",
        example="drafts/**,**/.*,**/.*/**",
        shapes_scan=True,
    )
    not_ignored: BuiltInRules = setting(
        (),
        about="[names that are ignored](#names-that-are-ignored) otherwise, and are synced here",
        example="desktop.ini,.git/",
        shapes_scan=True,
    )
    max_file_bytes: int = setting(
        MAX_DOCUMENT_SIZE,
        about="size in bytes; larger files are skipped; at most the default",
        example="20000000",
        shapes_scan=True,
        gt=0,
        le=MAX_DOCUMENT_SIZE,
    )
    min_age_seconds: int = setting(
        0,
        about="seconds since an object's last change before it is imported; younger objects wait "
        "for a later sync, so that a log that is appended to isn't paid for at every sync",
        example="3600",
        shapes_scan=True,
        ge=0,
        le=2_592_000,
    )
    delete_policy: DeletePolicy = setting(
        DeletePolicy.MIRROR,
        about="`mirror` deletes the documents of objects that are gone, `add_only` keeps them",
        example="add_only",
    )
    reconcile_days: int = setting(
        RECONCILE_DAYS,
        about="days after which the end of a sync [lists the whole store](operations.md#reconcile) "
        "again; 1 to 365",
        example="30",
        ge=1,
        le=365,
    )


class PaceSettings(Declared):
    """How many imports may be under way at once, and how many in a day or a sync."""

    max_imports_in_progress: int | None = setting(
        None,
        about="the most imports that may be started and not yet settled; without it, a sync begins "
        "with the tier's and [learns](limits.md#imports-in-progress) whether more help",
        example="20",
        told_default="learned",
        gt=0,
    )
    max_cost_per_day: float | None = setting(
        None,
        about="US dollars that the imports of a quota day may cost, as "
        "[estimated](limits.md#what-a-sync-costs); the rest [waits](operations.md#the-budget)",
        example="2.50",
        told_default="what a day at the tier's rate costs for files of 2,000 tokens",
        gt=0,
        allow_inf_nan=False,
    )
    max_imports_per_sync: int | None = setting(
        None,
        about="imports that one sync may begin; the rest waits for the next sync",
        example="1000",
        gt=0,
    )


class Settings(IdentitySettings, StoreSettings, SourceSettings, PaceSettings):
    """All settings that decisions depend on."""

    @model_validator(mode="after")
    def _chunks_overlap_in_part(self) -> Self:
        if self.chunk_overlap_tokens and self.chunk_overlap_tokens >= self.chunk_max_tokens:
            raise ValueError("chunk_overlap_tokens must be less than chunk_max_tokens")
        return self

    @property
    def store_name(self) -> str:
        """Display name by which the store is found or created."""
        return self.store_display_name or f"file-search-sync {self.deployment}"

    @property
    def metadata_names(self) -> MetadataNames:
        """Which names of objects' own metadata are left out."""
        return MetadataNames(self.ignored_metadata, self.kept_metadata)

    @property
    def imports_in_progress(self) -> int:
        """The preset of how many imports may be started and not yet settled.

        It is the most if it was set; otherwise more are tried (see ``imports_limit``).
        """
        return self.max_imports_in_progress or self.tier.max_imports_in_progress

    @property
    def min_age(self) -> timedelta:
        """Time since an object's last change before it is imported."""
        return timedelta(seconds=self.min_age_seconds)

    @property
    def reconcile_every(self) -> timedelta:
        """Time after which the whole store is listed again."""
        return timedelta(days=self.reconcile_days)

    @property
    def owner(self) -> str:
        """The owner tag of this deployment's documents."""
        return owner_tag(bucket=self.bucket, prefix=self.prefix, deployment=self.deployment)

    @property
    def price(self) -> Price | None:
        """The price of embedding with this deployment's model; None if it isn't known.

        It isn't if the model embeds pictures and their price is missing.
        """
        price = load_prices().price_of(self.embedding_model)
        if price and self.takes_pictures and price.picture_tokens is None:
            return None
        return price

    @property
    def takes_pictures(self) -> bool:
        """Whether the store indexes pictures; its embedding model is the one that is set."""
        return takes_pictures(self.embedding_model)

    @property
    def picture_tokens(self) -> int:
        """Tokens of text that cost as much as a picture; without a price, those of a picture."""
        price = self.price
        return (price.picture_tokens if price else None) or PICTURE_TOKENS

    @property
    def cost_per_day(self) -> float | None:
        """US dollars that a quota day's imports may cost; None if no limit is set or computable.

        The default can't be computed for an embedding model without a known price.
        """
        if self.max_cost_per_day is not None or self.price is None:
            return self.max_cost_per_day
        return default_cost_per_day(self.tier, self.price)

    @property
    def import_settings(self) -> str:
        """Digest of the settings that every document depends on."""
        return import_settings_digest(
            embedding_model=self.embedding_model.removeprefix("models/"),
            max_tokens_per_chunk=self.chunk_max_tokens,
            max_overlap_tokens=self.chunk_overlap_tokens,
        )

    @property
    def scan_digest(self) -> str:
        """Digest of the settings that a scan's decisions depend on (``shapes_scan``)."""
        shaping = {
            name: _canonical(getattr(self, name))
            for name, declared in type(self).model_fields.items()
            if marks_of(declared.json_schema_extra)["shapes_scan"]
        }
        return digest("scan settings", SCAN_VERSION, shaping)

    def part(self, prefix: str) -> str:
        """The prefix of a sync that is about a part of the deployment; empty if it is about all."""
        return "" if prefix == self.prefix else prefix

    def relative(self, path: str) -> str:
        """An object's name without the deployment's prefix."""
        return path.removeprefix(self.prefix)


def marks_of(extra: object) -> dict[str, Any]:
    """The extra arguments that ``setting`` stored in a declaration."""
    return dict(extra) if isinstance(extra, dict) else {}


def _canonical(value: object) -> object:
    """A setting's value as JSON; patterns and templates as their text."""
    if isinstance(value, tuple | list):
        return [_canonical(each) for each in value]
    if isinstance(value, PathGlob | PathTemplate):
        return value.text
    if isinstance(value, StrEnum):
        return value.value
    return value
