"""The deployment's store: found by its name, or created, once and under the lease."""

from __future__ import annotations

from shared.domain.errors import Refused
from shared.gateways.ports import Store
from shared.services.context import Context


class EnsureStore:
    """Finds the deployment's store, or creates it."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __call__(self, *, force: bool) -> str:
        """The store's resource name.

        A listing that fails raises: it never makes a second store.

        Args:
            force: Take over a store that holds documents while the records are empty.

        Raises:
            Refused: the store holds documents that no record knows, or its name is not unique.
            GatewayError: the stores can't be listed.
        """
        rules = self._context.rules
        ours = [store for store in self._stores() if store.display_name == rules.store_display_name]
        if len(ours) > 1:
            names = ", ".join(store.name for store in ours)
            raise Refused(
                f"{len(ours)} stores are called {rules.store_display_name!r} ({names}): "
                "delete or rename all but one"
            )
        if not ours:
            return self._context.gemini.create_store(
                rules.store_display_name, rules.embedding_model
            ).name
        store = ours[0]
        held = store.active_documents + store.pending_documents + store.failed_documents
        if held and not force:
            raise Refused(
                f"{store.name} holds {held} documents and the records are empty: importing would "
                "double them. Point FIRESTORE_DATABASE at its records, choose another "
                "STORE_DISPLAY_NAME, or sync with force to import everything again beside them"
            )
        return store.name

    def _stores(self) -> list[Store]:
        stores: list[Store] = []
        token = ""
        while True:
            page = self._context.gemini.list_stores(token)
            stores += page.stores
            token = page.next_page_token
            if not token:
                return stores
