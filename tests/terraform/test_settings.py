"""The object ``settings`` of terraform/variables.tf has each setting, under its name and type."""

from __future__ import annotations

import re
from typing import Any, get_args, get_origin

from shared.config import SyncSettings
from shared.domain.deployment.settings import Settings
from tests.docs.markdown import ROOT

OF_THEIR_OWN = {"bucket", "deployment", "tier"}
"""Terraform has variables for these, since more than the functions depends on them."""


def kind_of(annotation: Any) -> str:
    """Terraform's type of a setting."""
    inner = next((each for each in get_args(annotation) if each is not type(None)), annotation)
    if get_origin(annotation) is tuple:
        return "list(string)"
    return "number" if inner in (int, float) else "string"


def test_terraform_knows_every_setting_by_its_name_and_type() -> None:
    text = (ROOT / "terraform" / "variables.tf").read_text(encoding="utf-8")
    block = text.partition('variable "settings"')[2].partition("\n}\n")[0]
    listed = dict(re.findall(r"^    (\w+) += optional\((.+)\)$", block, re.MULTILINE))
    chosen = (Settings.model_fields.keys() - OF_THEIR_OWN) | {"log_level", "event_pause_seconds"}

    assert listed == {name: kind_of(SyncSettings.model_fields[name].annotation) for name in chosen}
