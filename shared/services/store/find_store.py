"""Finds the deployment's store by its display name, or creates it once, under the lease."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from shared.domain.errors import BadRequest, Forbidden, NotFound, Refused, Unavailable
from shared.gateways.ports import Store
from shared.services.context import Context

NOT_YET = "fileSearchStores/not-yet"
"""Name of an empty store, for a dry run, which must not create the new one."""


class FindStore:
    """Finds or creates the store with the display name in the settings."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def existing(self, name: str) -> Store | None:
        """The store with this resource name; None if it is gone, or this key may not read it.

        Raises:
            GatewayError: the account is at fault, or Gemini can't be reached.
        """
        gemini = self._context.gemini
        with suppress(Forbidden, NotFound):
            return gemini.get_store(name)
        gemini.list_stores()  # raises if the account is at fault
        with suppress(Forbidden, NotFound):
            return gemini.get_store(name)
        return None

    def find(self, *, lost: str = "") -> Store | None:
        """The store with the display name, or None.

        Of several such stores, the one that holds documents is taken: an empty one comes of a
        create request that took effect late. Their lists of documents tell which, since their
        counts may lag.

        Args:
            lost: Resource name of a store that is gone, which a listing may show for a moment.

        Raises:
            Refused: several of them hold documents.
            GatewayError: the stores or their documents can't be listed, so nothing is known.
        """
        name = self._context.rules.settings.store_name
        ours = [
            store for store in self._stores() if store.display_name == name and store.name != lost
        ]
        if len(ours) == 1:
            return ours[0]
        filled = [store for store in ours if self._holds_documents(store)]
        if len(filled) > 1:
            names = ", ".join(store.name for store in filled)
            raise Refused(
                f"{len(filled)} stores are called {name!r} and hold documents ({names}): delete "
                "all but one, or choose another STORE_DISPLAY_NAME"
            )
        return next(iter(filled or ours), None)

    def create(self) -> Store:
        """Create the store; only after ``find`` has found none.

        Raises:
            GatewayError: the creation failed, or its outcome is unknown.
        """
        settings = self._context.rules.settings
        return self._context.gemini.create_store(settings.store_name, settings.embedding_model)

    def _holds_documents(self, store: Store) -> bool:
        token = ""
        while True:
            with _token_may_expire(token):
                page = self._context.gemini.list_documents(store.name, token)
            token = page.next_page_token
            if page.documents or not token:
                return bool(page.documents)

    def _stores(self) -> list[Store]:
        stores: list[Store] = []
        token = ""
        while True:
            with _token_may_expire(token):
                page = self._context.gemini.list_stores(token)
            stores += page.stores
            token = page.next_page_token
            if not token:
                return stores


@contextmanager
def _token_may_expire(token: str) -> Iterator[None]:
    """Turn the refusal of a page token into an error that may pass: the next call begins again.

    The account is not at fault, since it got the page before.
    """
    try:
        yield
    except BadRequest as error:
        if not token:
            raise
        raise Unavailable(error.call) from error
