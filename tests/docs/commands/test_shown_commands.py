"""Every command that README and docs show is run, or stands in a table that says why it is not.

Those of a page run in its order, in a folder like a checkout, and their output is compared with the
one that is shown. ``fss`` talks to a local stack that stands for the deployment.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.cloud.tasks_v2 import CloudTasksClient
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from local.demo import LIBRARY, TEMPLATE
from local.fss.deployment.client import Deployment
from local.fss.report.progress import PlainLines
from local.fss.sync import watch
from local.rehearsal.programs import Command
from local.stack.local_stack import LocalStack
from local.stack.options import StackOptions
from shared.domain.throttle.tiers import tier_named
from tests.docs.commands.pretended import Checkout, steady
from tests.docs.commands.shown import LANGUAGES, PAGES, Shown, blocks, shown
from tests.docs.fss_command import commands
from tests.docs.markdown import ROOT, Page, code
from tests.google_programs import gcloud_tree, options_of_terraform, wrong_in

NO_COMMANDS = (
    "functions/        what is deployed",
    "year>=2024 AND ",
    "PATH_TEMPLATE=",
    "the store fileSearchStores/docs-abc is gone",
    "labels.file=",
)
"""Beginnings of indented blocks that are no commands."""

GOOGLE = "it needs a project of Google Cloud"
TERRAFORM = "it needs a project of Google Cloud; tests/terraform plans each environment offline"

NOT_RUN = {
    "make test": "it runs these tests",
    "make terraform": "it takes minutes, and runs tests/terraform",
    "make rehearse PROJECT=my-empty-project KEY_FILE=gemini.key": GOOGLE
    + "; tests/local/rehearsal plays it on the local stack",
    "gcloud auth login --update-adc": "it asks a person to sign in",
    "gcloud config set project $PROJECT": GOOGLE,
    "gcloud services enable cloudresourcemanager.googleapis.com serviceusage.googleapis.com "
    "storage.googleapis.com cloudfunctions.googleapis.com": GOOGLE,
    "gcloud auth application-default set-quota-project $PROJECT": GOOGLE,
    "gcloud beta services identity create --service=cloudfunctions.googleapis.com": GOOGLE,
    "gcloud storage buckets create gs://$PROJECT-terraform --location=us-central1 "
    "--uniform-bucket-level-access --public-access-prevention": GOOGLE,
    "gcloud storage buckets update gs://$PROJECT-terraform --versioning": GOOGLE,
    "terraform -chdir=terraform init -input=false -backend-config=bucket=$PROJECT-terraform "
    "-backend-config=prefix=dev": TERRAFORM,
    "terraform -chdir=terraform apply -input=false -auto-approve "
    "-var-file=environments/dev.tfvars "
    "-target=google_secret_manager_secret.gemini_api_key": TERRAFORM,
    'read -rs KEY && printf %s "$KEY" | gcloud secrets versions add fss-dev-gemini-api-key '
    "--data-file=- ; unset KEY": GOOGLE,
    "terraform -chdir=terraform apply -input=false -auto-approve "
    "-var-file=environments/dev.tfvars": TERRAFORM,
    "gcloud storage rsync --recursive samples/library "
    '"$(terraform -chdir=terraform output -raw documents_bucket)"': GOOGLE,
    "terraform -chdir=terraform import -var-file=environments/dev.tfvars "
    "module.firestore.google_firestore_database.this "
    "projects/$PROJECT/databases/fss-dev": TERRAFORM,
    'gcloud firestore indexes composite list --database=fss-dev --format="value(name)" | '
    "xargs -n 1 gcloud firestore indexes composite delete --database=fss-dev --quiet": GOOGLE,
    "terraform -chdir=terraform apply -var-file=environments/dev.tfvars": TERRAFORM,
}
"""Commands that no test runs, and why; what can be known of them without running is checked."""

STAYS = {"fss page": 130}
"""Commands that run until Ctrl-C, with the exit code that they end with then."""

WORDS = {
    "fss init": "fss init --dispatcher $FSS_DISPATCHER_URL --status $FSS_STATUS_URL",
    "fss file PATH": "fss file 'crafts/Sail mending.rst'",
}
"""Commands that are named without their arguments, with some."""

BY_PROFILE = ("docs/deploy.md",)
"""Pages that make a profile; on all others the environment names the deployment."""

EVERY = [each for page in PAGES for each in shown(page, NO_COMMANDS)]


# --- every command is known -----------------------------------------------------------------------


def test_every_block_is_of_a_known_kind() -> None:
    found = [block for page in PAGES for block in blocks(page)]
    assert {block.language for block in found} <= {*LANGUAGES, "", "sh", "text"}
    indented = [block.text for block in found if not block.language]
    gone = [each for each in NO_COMMANDS if not any(text.startswith(each) for text in indented)]
    assert gone == []
    assert len(EVERY) > 40


def test_the_table_has_no_command_that_is_not_shown() -> None:
    assert set(NOT_RUN) - {each.line for each in EVERY} == set()
    assert (set(STAYS) | set(WORDS)) - {each.line for each in EVERY} == set()


def test_a_new_command_is_one_that_is_run() -> None:
    """Whatever stands in a block that is not known runs, and so fails if it can't."""
    page = Page.read("docs/ask.md")
    assert "docker run" not in page.whole
    text = "Words.\n\n    docker run x\n\n```sh\nfss nonsense\n```\n\n```text\n$ fss x\ny\n```\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Page, "read", lambda _: Page(page.path, text))
        found = [*shown("docs/ask.md", NO_COMMANDS)]
    assert [(each.line, each.output) for each in found] == [
        ("docker run x", ()),
        ("fss nonsense", ()),
        ("fss x", ("y",)),
    ]


# --- what is run ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """A deployment that has synced the sample library."""
    options = StackOptions(
        tier=tier_named("tier3"),
        time_scale=20.0,
        asks=True,
        settings={"PATH_TEMPLATE": TEMPLATE},
    )
    with LocalStack(options) as stack:
        stack.mirror(LIBRARY)
        synced(stack)
        yield stack


def synced(stack: LocalStack) -> None:
    """Sync, or wait for the sync that is running."""
    deployment = Deployment(stack.urls.dispatcher, stack.urls.status)
    latest = deployment.batches(1)
    running = [each["batch_id"] for each in latest if each["status"] in ("running", "paused")]
    batch = running[0] if running else deployment.start({})["batch_id"]
    watch(deployment, batch, PlainLines(sys.stderr))


@pytest.fixture(scope="module")
def work_that_waits(stack: LocalStack) -> None:
    """A sync that can't end, since its queue is paused."""
    channel = grpc.insecure_channel(stack.urls.cloud_tasks)
    queues = CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
    queues.pause_queue(name=stack.urls.queues["uploads"])
    with stack.bucket() as bucket:
        bucket.blob("crafts/Anchors.md").upload_from_string(b"# Anchors\n", "text/markdown")
    Deployment(stack.urls.dispatcher, stack.urls.status).start({})


@pytest.mark.parametrize("page", [page for page in PAGES if page in {each.page for each in EVERY}])
def test_the_commands_of_a_page_do_what_it_shows(
    page: str, stack: LocalStack, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    checkout = Checkout(tmp_path, stack)
    variables = {} if page in BY_PROFILE else checkout.known()
    for each in EVERY:
        if each.page != page or each.line in NOT_RUN:
            continue
        if each.line.startswith("export "):
            variables |= dict(word.split("=") for word in shlex.split(each.line)[1:])
            continue
        if each.line == "fss pause":
            request.getfixturevalue("work_that_waits")
        _run(each, checkout, variables)


def _run(each: Shown, checkout: Checkout, variables: Mapping[str, str]) -> None:
    line = WORDS.get(each.line, each.line)
    line = line.replace("STATUS_URL/", "$FSS_STATUS_URL/").replace(
        "page_token=TOKEN", "page_token="
    )
    done = checkout.run(line, variables, stays=each.line in STAYS)
    assert done.code == STAYS.get(each.line, 0), (each, done)
    if each.line.startswith("curl"):
        assert '"failures":' in done.stdout
    if re.search(r"fss (?:sync|retry|reconcile)\b", line) and "--watch" not in line:
        synced(checkout.stack)  # so that the next command finds no running sync
    if not each.output:
        return
    wanted, told = steady("\n".join(each.output)), steady(done.stdout)
    assert [line for line in told if line not in wanted] == [], "all of the answer is shown"
    lines = iter([*steady(done.stderr), *told])
    missing = [line for line in wanted if line not in lines]  # each behind the one before
    assert missing == [], done


# --- what can't be run ----------------------------------------------------------------------------


def parts_of(line: str) -> Iterator[Command]:
    """The calls of gcloud and Terraform in a command line, also those within another one."""
    inner = re.findall(r"\$\((.+?)\)", line)
    for text in (re.sub(r"\"?\$\(.+?\)\"?", "x", line), *inner):
        for part in re.split(r"\|\||&&|[|;]", text):
            words = shlex.split(part)
            starts = [n for n, word in enumerate(words) if word in ("gcloud", "terraform")]
            if starts:
                yield Command(tuple(words[starts[-1] :]))


LISTED = [each for each in NOT_RUN if not each.startswith("make ")]


@pytest.mark.parametrize("line", LISTED)
def test_what_needs_google_has_the_commands_and_flags_that_there_are(line: str) -> None:
    parts = [*parts_of(line)]
    assert parts
    assert [said for each in parts for said in wrong_with(each)] == []


def wrong_with(command: Command) -> Iterator[str]:
    """What is wrong with a call of gcloud or Terraform, as far as it can be known without one."""
    if command.program == "gcloud":
        yield from wrong_in(command, gcloud_tree())
        return
    verb = command.words[:2] if command.words[:1] == ("state",) else command.words[:1]
    yield from sorted({*command.flags} - options_of_terraform(*verb))
    for word in command.argv:
        flag, _, value = word.partition("=")
        if flag == "-var-file" and not (ROOT / "terraform" / value).is_file():
            yield f"there is no {value}"
    words = [word.removeprefix("-target=") for word in command.argv]
    addresses = [word for word in words if re.search(r"(^|\.)google_\w+\.\w+$", word)]
    yield from (each for each in addresses if not is_declared(each))
    if command.words[:1] == ("output",):
        yield from (each for each in command.words[1:] if each not in outputs())


def is_declared(address: str) -> bool:
    """Whether the configuration has a resource of this address, such as ``module.x.type.name``."""
    *modules, kind, name = address.split(".")
    folder = ROOT / "terraform"
    for module in modules[1::2]:
        text = "".join(path.read_text() for path in folder.glob("*.tf"))
        source = re.search(rf'module "{module}" {{\s+source\s+= "([^"]+)"', text)
        if source is None:
            return False
        folder = folder / source[1]
    text = "".join(path.read_text() for path in folder.glob("*.tf"))
    return f'resource "{kind}" "{name}"' in text


def outputs() -> set[str]:
    text = "".join(path.read_text() for path in (ROOT / "terraform").glob("*.tf"))
    return set(re.findall(r'^output "(\w+)"', text, re.MULTILINE))


def test_what_is_wrong_with_a_command_is_found() -> None:
    wrong = [
        "gcloud storage buckets make gs://x",
        "gcloud secrets versions add x --data-files=-",
        "terraform -chdir=terraform apply -auto-aprove",
        "terraform apply -var-file=environments/none.tfvars",
        "terraform apply -target=google_secret_manager_secret.none",
        "terraform import module.none.google_firestore_database.this x",
        'gcloud storage ls "$(terraform output -raw no_such_output)"',
    ]
    assert [line for line in wrong if not any(map(list, map(wrong_with, parts_of(line))))] == []


@pytest.mark.parametrize("line", [each for each in NOT_RUN if each.startswith("make ")])
def test_what_make_would_do_is_known(line: str) -> None:
    done = subprocess.run(
        [*line.split(), "--dry-run", "--old-file=.venv/.ready"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


# --- commands within a sentence -------------------------------------------------------------------

GROUP = "no command "
"""What is wrong with a name of many commands, such as ``gcloud storage``."""

NEWER = ("gcloud firestore databases clone",)
"""Commands that the oldest gcloud known to run these tests (528) lacks; from Google's reference."""

INLINE = [(page, text) for page in PAGES for text in code(" ".join(Page.read(page).text.split()))]


@pytest.mark.parametrize("page", PAGES)
def test_a_command_within_a_sentence_exists(page: str) -> None:
    wrong: list[Any] = []
    for text in dict.fromkeys(text for where, text in INLINE if where == page):
        words = text.split()
        if words[0] in ("gcloud", "terraform") and len(words) > 1:
            said = [each for part in parts_of(text) for each in wrong_with(part)]
            wrong += [(text, each) for each in said if each != GROUP and text not in NEWER]
        elif "-m" in words[:2] and words[0].endswith("python"):
            module = words[words.index("-m") + 1]
            wrong += [] if importlib.util.find_spec(module) else [text]
        elif words[0] == "fss" and len(words) > 1 and not words[1].startswith("-"):
            wrong += [] if words[1] in {*commands(), "COMMAND"} else [text]
    assert wrong == []
