"""Ways to break what the builds do beside Terraform, and the tests that each must fail."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutation:
    """A change of one text in one file of ``steps/``.

    Attributes:
        tests: The test file that must notice.
        only: What the names of the tests have that must fail.
    """

    tests: str
    only: str
    file: str
    old: str
    new: str


MUTATIONS: dict[str, Mutation] = {
    "any content": Mutation(
        "test_publish_and_fetch.py",
        "says_something_else and content",
        "fetch.py",
        'hashlib.sha256(stored.content).hexdigest() != environment["SHA256"]',
        "False",
    ),
    "any generation": Mutation(
        "test_publish_and_fetch.py",
        "plan_that_was_replaced",
        "fetch.py",
        'google.read(bucket, name, int(environment["GENERATION"]))',
        "google.read(bucket, name)",
    ),
    "any text": Mutation(
        "test_publish_and_fetch.py",
        "says_something_else and text",
        "fetch.py",
        'environment["TEXT"] != bundle.address_of(bucket, text_name)',
        "False",
    ),
    "any commit": Mutation(
        "test_publish_and_fetch.py",
        "became_too_old",
        "lineage.py",
        "applied.commit not in ancestors",
        "commit not in ancestors",
    ),
    "two applies at once": Mutation(
        "test_publish_and_fetch.py",
        "approved_at_once",
        "begin.py",
        "int((folder / RECORD_GENERATION).read_text())",
        'google.read(environment["PLANS_BUCKET"], "applied.json").generation',
    ),
    "a bundle that unpacks anywhere": Mutation(
        "test_publish_and_fetch.py",
        "unpacks_nothing_outside",
        "bundle.py",
        'filter="data"',
        'filter="fully_trusted"',
    ),
    "nothing to approve": Mutation(
        "test_publish_and_fetch.py",
        "without_changes",
        "publish.py",
        "if not json.loads(",
        "if not folder and json.loads(",
    ),
    "open to everybody": Mutation(
        "test_review.py",
        "would_be_public",
        "review.py",
        "PUBLIC.fullmatch(value)",
        "False",
    ),
    "without IAM": Mutation(
        "test_review.py",
        "would_be_public and check",
        "review.py",
        "path.endswith(UNCHECKED)",
        "path == UNCHECKED",
    ),
    "everything for the pipeline": Mutation(
        "test_review.py",
        "deployer_may_not_do",
        "review.py",
        "    if refused:\n",
        "    if refused and not actions:\n",
    ),
    "a function that lets anybody in": Mutation(
        "test_smoke_test.py",
        "without_a_token",
        "smoke_test.py",
        "answered not in CLOSED",
        "answered in (None, *CLOSED)",
    ),
    "tokens without an address": Mutation(
        "test_smoke_test.py",
        "iam_api",
        "google_api.py",
        '"includeEmail": True',
        '"includeEmail": False',
    ),
    "a token that is taken along": Mutation(
        "test_smoke_test.py",
        "redirect",
        "google_api.py",
        "build_opener(_NoRedirect)",
        "build_opener()",
    ),
}
