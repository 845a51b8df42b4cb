"""How much of the project's storage is used; the service asks no quota for telling it."""

from __future__ import annotations

from shared.gateways.ports import Gemini


def storage_used(gemini: Gemini) -> int:
    """Bytes that all stores of the project hold together, as the service counts them.

    Raises:
        GatewayError: the stores can't be listed.
    """
    used, token = 0, ""
    while True:
        page = gemini.list_stores(token)
        used += sum(store.size_bytes for store in page.stores)
        token = page.next_page_token
        if not token:
            return used
