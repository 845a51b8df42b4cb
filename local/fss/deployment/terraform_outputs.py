"""Reads where a deployment is from the outputs of Terraform."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from local.fss.deployment.outcome import Exit, Failure
from local.printable import printable

_OUTPUTS = {"dispatcher": "dispatcher_url", "status": "status_url"}


def profile_of(folder: Path) -> dict[str, str]:
    """The URLs of a deployment, and its project if an output tells it.

    Args:
        folder: Where ``terraform apply`` runs.

    Raises:
        Failure: Terraform is not installed, has no state there, or lacks the outputs.
    """
    if not folder.is_dir():
        raise Failure(Exit.USAGE, f"there is no folder {folder}")
    words = ["terraform", f"-chdir={folder}", "output", "-json", "-no-color"]
    try:
        done = subprocess.run(words, check=True, capture_output=True, text=True)
        outputs = json.loads(done.stdout)
    except FileNotFoundError:
        raise Failure(
            Exit.COULD_NOT_RUN, "terraform is not installed; give --dispatcher and --status instead"
        ) from None
    except subprocess.CalledProcessError as error:
        lines = [line.strip() for line in error.stderr.splitlines() if line.strip(" │╷╵")]
        said = printable(" ".join(lines)[:200]) or f"exit status {error.returncode}"
        raise Failure(Exit.COULD_NOT_RUN, f"terraform output in {folder} failed: {said}") from None
    except ValueError:
        raise Failure(Exit.COULD_NOT_RUN, "terraform output printed no JSON") from None
    values = {key: _text(outputs, output) for key, output in _OUTPUTS.items()}
    missing = [_OUTPUTS[key] for key, value in values.items() if not value]
    if missing:
        raise Failure(
            Exit.USAGE,
            f"Terraform in {folder} has no output {' or '.join(missing)}; is this the folder, and "
            "was it applied?",
        )
    if ask := _text(outputs, "ask_url"):  # only with askers
        values["ask"] = ask
    if project := re.search(r"--project[= ]([a-z0-9:.-]+)", _text(outputs, "add_key_command")):
        values["project"] = project[1]
    return values


def _text(outputs: object, name: str) -> str:
    output = outputs.get(name) if isinstance(outputs, dict) else None
    value = output.get("value") if isinstance(output, dict) else None
    return value if isinstance(value, str) else ""
