"""Finds the deployment's store by its display name, or creates it once, under the lease."""

from __future__ import annotations

from shared.domain.errors import Refused
from shared.gateways.ports import Store
from shared.services.context import Context


class FindStore:
    """Finds or creates the store with the display name in the settings."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def find(self) -> Store | None:
        """The store with the display name, or None.

        Of several such stores, the one that holds documents is taken: an empty one comes of a
        create request that took effect late.

        Raises:
            Refused: several of them hold documents.
            GatewayError: the stores can't be listed, so whether one exists is unknown.
        """
        name = self._context.rules.settings.store_name
        ours = [store for store in self._stores() if store.display_name == name]
        filled = [store for store in ours if store.documents]
        if len(filled) > 1:
            names = ", ".join(store.name for store in filled)
            raise Refused(
                f"{len(filled)} stores are called {name!r} and hold documents ({names}): delete "
                "all but one, or choose another STORE_DISPLAY_NAME"
            )
        return next(iter(filled or ours), None)

    def ensure(self) -> Store:
        """The store with the display name, created if there is none.

        Raises:
            Refused: several of them hold documents.
            GatewayError: the stores can't be listed, and so none is created; or the creation
                failed.
        """
        rules = self._context.rules
        return self.find() or self._context.gemini.create_store(
            rules.settings.store_name, rules.settings.embedding_model
        )

    def _stores(self) -> list[Store]:
        stores: list[Store] = []
        token = ""
        while True:
            page = self._context.gemini.list_stores(token)
            stores += page.stores
            token = page.next_page_token
            if not token:
                return stores
