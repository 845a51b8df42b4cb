"""What the rehearsal gives Terraform and asks of it, against the configuration."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from local.rehearsal.google.alert import POLICY
from local.rehearsal.google.commands import KEY_SECRET
from local.rehearsal.google.outputs import NEEDED
from local.rehearsal.google.place import Place, new_deployment
from local.terraform.workspace import Workspace
from tests.docs.markdown import ROOT

PLACE = Place("my-project", "us-central1", "tier1", Path(), new_deployment())
CHANNEL = "projects/my-project/notificationChannels/5"
VARIABLES = PLACE.variables(account="ada@example.com", key_version="1", channel=CHANNEL)

CONFIGURATION = {
    path.name: path.read_text(encoding="utf-8") for path in (ROOT / "terraform").glob("*.tf")
}


def test_every_output_that_is_read_exists() -> None:
    outputs = re.findall(r'^output "(\w+)"', CONFIGURATION["outputs.tf"], re.MULTILINE)
    assert set(NEEDED) <= set(outputs)


def test_the_secret_that_is_made_first_exists() -> None:
    kind, _, name = KEY_SECRET.partition(".")
    assert f'resource "{kind}" "{name}"' in "\n".join(CONFIGURATION.values())


def test_every_variable_exists_and_none_without_a_default_is_forgotten() -> None:
    text = CONFIGURATION["variables.tf"]
    blocks = re.findall(r'^variable "(\w+)" \{(.*?)^\}', text, re.MULTILINE | re.DOTALL)
    needed = {name for name, block in blocks if "\n  default " not in block}
    assert needed <= VARIABLES.keys() <= {name for name, _ in blocks}


def test_the_alert_that_is_waited_for_exists() -> None:
    alerts = ROOT / "terraform" / "modules" / "monitoring" / "alerts.tf"
    assert f'title    = "{POLICY}"' in alerts.read_text(encoding="utf-8")


@pytest.mark.terraform
def test_terraform_accepts_the_values_and_names_all_as_the_rehearsal_does(
    workspace: Workspace, tmp_path: Path
) -> None:
    mine = workspace.copy(tmp_path / "copy")
    values = mine.configuration / "rehearsal.tfvars.json"
    values.write_text(json.dumps(VARIABLES), encoding="utf-8")
    tested = mine.configuration / "tests" / "rehearsal.tftest.hcl"
    tested.write_text(TEST, encoding="utf-8")
    answer = mine.run("test", f"-var-file={values.name}", "-filter=tests/rehearsal.tftest.hcl")
    assert answer.succeeded, answer.text


TEST = f"""
mock_provider "google" {{
  source = "./tests/mocks"
}}

run "everything" {{
  command = plan

  assert {{
    condition     = startswith(output.dispatcher_url, "https://{PLACE.name}-dispatcher-")
    error_message = "The address of the upload function is made from this one."
  }}

  assert {{
    condition     = google_cloud_scheduler_job.this["supervise"].name == "{PLACE.name}-supervise"
    error_message = "The supervisor's job has another name."
  }}

  assert {{
    condition     = {KEY_SECRET}.secret_id == "{PLACE.key_secret}"
    error_message = "The key is put into another secret."
  }}
}}
"""
