"""Which names of a folder a sync would take, so that only these have to be usable."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from shared.domain.deployment.settings import Settings
from shared.domain.source.ignored_names import rule_against
from shared.domain.source.sidecar_name import base_name, is_sidecar

_ANYTHING = "\uffff/\uffff"
"""Stands for whatever a folder has in it."""


def synced_names(settings: Mapping[str, str], prefix: str = "") -> Callable[[str], bool]:
    """Return a test of names for the given settings, which are environment variables.

    A name that ends with a slash is a folder: it passes if anything in it might be synced.

    Args:
        settings: INCLUDE, EXCLUDE and NOT_IGNORED count; each may be missing.
        prefix: Names must start with this.
    """
    given = {name.lower(): value for name, value in settings.items() if value}
    chosen = Settings.model_validate({**given, "bucket": "local", "deployment": "local"})

    def is_synced(name: str) -> bool:
        if name.endswith("/"):
            may_begin = name.startswith(prefix) or prefix.startswith(name)
            rule = rule_against(
                name + _ANYTHING, exclude=chosen.exclude, not_ignored=chosen.not_ignored
            )
            return may_begin and rule is None
        rule = rule_against(
            base_name(name) if is_sidecar(name) else name,
            include=chosen.include,
            exclude=chosen.exclude,
            not_ignored=chosen.not_ignored,
        )
        return name.startswith(prefix) and rule is None

    return is_synced
