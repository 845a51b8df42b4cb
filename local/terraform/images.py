"""Renews the digests of the images that the pipeline's builds run in.

`make images` asks each image's registry which digest its tag has now, and writes
terraform/modules/pipeline/images.json, the one place where they are kept. For a newer version of an
image, change its tag there first. A person applies the change, as all changes of the pipeline.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from local.packaging import ROOT

IMAGES: Final = ROOT / "terraform" / "modules" / "pipeline" / "images.json"

DOCKER_HUB: Final = "https://registry-1.docker.io"

MANIFESTS: Final = (
    "application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json"
)
"""Lists of an image's platforms: their digest is right on each of them."""

TIMEOUT_S: Final = 30


class CannotRenew(Exception):
    """A registry didn't tell a digest; the message names the image and says why."""


def digest_of(image: str, hub: str = DOCKER_HUB) -> str:
    """The digest that the image's tag has now.

    Args:
        image: NAME:TAG on Docker Hub, or HOST/NAME:TAG.
        hub: Docker Hub's registry.

    Raises:
        CannotRenew: The registry can't be reached or doesn't know the tag, or it answers with the
            image of a single platform.
    """
    name, _, tag = image.rpartition(":")
    registry, name = _registry_of(name, hub)
    url = f"{registry}/v2/{name}/manifests/{tag}"
    try:
        try:
            found = _digest(url, None)
        except HTTPError as error:
            if error.code != HTTPStatus.UNAUTHORIZED:
                raise
            found = _digest(url, _token(error.headers["WWW-Authenticate"] or "", name))
    except HTTPError as error:
        raise CannotRenew(f"{image}: {url} answers {error.code}") from None
    except (URLError, TimeoutError) as error:
        raise CannotRenew(f"{image}: {url} can't be reached: {error}") from None
    if found is None or not re.fullmatch(r"sha256:[0-9a-f]{64}", found):
        raise CannotRenew(f"{image}: {url} names no digest of all platforms")
    return found


def renew(file: Path, hub: str = DOCKER_HUB) -> list[str]:
    """Write the digests of all images anew; return a line for each that changed.

    Raises:
        CannotRenew: A registry didn't tell one. Nothing is written then.
    """
    images: dict[str, dict[str, str]] = json.loads(file.read_text())
    changes = []
    for entry in images.values():
        digest = digest_of(entry["image"], hub)
        if digest != entry.get("digest"):
            changes.append(f"{entry['image']}: {digest}")
        entry["digest"] = digest
    file.write_text(json.dumps(images, indent=2) + "\n")
    return changes


def _registry_of(name: str, hub: str) -> tuple[str, str]:
    """The registry's address, and the image's name there."""
    host, slash, rest = name.partition("/")
    if slash and "." in host:
        return f"https://{host}", rest
    return hub, name if slash else f"library/{name}"


def _digest(url: str, token: str | None) -> str | None:
    headers = {"Accept": MANIFESTS} | ({"Authorization": f"Bearer {token}"} if token else {})
    with urlopen(Request(url, headers=headers, method="HEAD"), timeout=TIMEOUT_S) as answer:
        listed = answer.headers.get_content_type() in MANIFESTS
        return str(answer.headers["Docker-Content-Digest"]) if listed else None


def _token(challenge: str, name: str) -> str:
    """A token for anybody, from the place that the registry's refusal names."""
    told = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    query = urlencode({"service": told.get("service", ""), "scope": f"repository:{name}:pull"})
    with urlopen(f"{told.get('realm', '')}?{query}", timeout=TIMEOUT_S) as answer:
        return str(json.load(answer)["token"])


def main() -> None:
    """Renew the digests, and say which changed."""
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    try:
        changes = renew(IMAGES)
    except CannotRenew as error:
        sys.exit(str(error))
    print("\n".join(changes) or "No digest changed.")


if __name__ == "__main__":
    main()
