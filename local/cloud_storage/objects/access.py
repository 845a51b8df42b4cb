"""Who may use a bucket and read its objects. Tests and people set it on the admin paths."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self

from local.cloud_storage.objects.stored_object import StoredObject
from local.cloud_storage.refusals import Refused, invalid

_CALLER = "local@local.iam.gserviceaccount.com"


@dataclass(frozen=True, slots=True)
class Access:
    """What is refused in a bucket.

    Attributes:
        refused: Names that may be listed but not read, as by a condition of IAM.
        disabled_keys: Keys of Cloud KMS that are disabled.
        payers: Projects that the caller may name as those that pay; None for any.
    """

    refused: frozenset[str] = frozenset()
    disabled_keys: frozenset[str] = frozenset()
    payers: frozenset[str] | None = None

    @classmethod
    def from_json(cls, described: dict[str, Any]) -> Self:
        """Read ``{"refused": [...], "disabledKeys": [...], "payers": [...]}``; all may be missing.

        Raises:
            Refused: It is something else.
        """
        lists = {name: described.pop(name, None) for name in ("refused", "disabledKeys", "payers")}
        if described or not all(isinstance(each, list | None) for each in lists.values()):
            raise invalid("access has the lists refused, disabledKeys and payers")
        refused, keys, payers = (
            None if x is None else frozenset(map(str, x)) for x in lists.values()
        )
        return cls(refused or frozenset(), keys or frozenset(), payers)

    def check_payer(self, bucket: dict[str, Any], project: str | None) -> None:
        """Refuse the use of a bucket whose requesters pay, without a project that does."""
        billing = bucket.get("billing")
        if not isinstance(billing, dict) or not billing.get("requesterPays"):
            return
        if project is None:
            raise Refused(
                HTTPStatus.BAD_REQUEST,
                "required",
                "Bucket is a requester pays bucket but no user project provided.",
            )
        if self.payers is not None and project not in self.payers:
            raise _forbidden("serviceusage.services.use", "Google Cloud project")

    def check_read(self, stored: StoredObject, key_sha256: str | None) -> None:
        """Refuse a read of an object's content that the service would refuse.

        Args:
            stored: The object.
            key_sha256: The hash of the key that the caller supplies; None without one.
        """
        if stored.name in self.refused:
            raise _forbidden("storage.objects.get", "Google Cloud Storage object")
        if stored.key_sha256 and key_sha256 is None:
            raise Refused(
                HTTPStatus.BAD_REQUEST,
                "resourceIsEncryptedWithCustomerEncryptionKey",
                "The target object is encrypted by a customer-supplied encryption key.",
            )
        if stored.key_sha256 != key_sha256:
            message = "The provided encryption key is incorrect."
            reason = "customerEncryptionKeyIsIncorrect"
            raise Refused(HTTPStatus.BAD_REQUEST, reason, message)
        version = str(stored.facts.get("kmsKeyName", ""))
        if version.partition("/cryptoKeyVersions/")[0] in self.disabled_keys:
            message = f"{version} is not enabled, current state is: DISABLED."
            raise Refused(HTTPStatus.BAD_REQUEST, "cloudKmsDisabledKey", message)


def _forbidden(permission: str, what: str) -> Refused:
    return Refused(
        HTTPStatus.FORBIDDEN,
        "forbidden",
        f"{_CALLER} does not have {permission} access to the {what}. Permission '{permission}' "
        "denied on resource (or it may not exist).",
    )
