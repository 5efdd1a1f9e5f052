"""pytest's fixtures for tests against a real ledger. They come with the package."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from pgwallet.synchronous import Wallet

if TYPE_CHECKING:
    from pgwallet.testing import WalletContainer


@pytest.fixture(scope="session")
def wallet_container() -> Iterator[WalletContainer]:
    """A container with a ledger, for all tests of this process."""
    # Only here, so that those who have the client alone can run pytest.
    from pgwallet.testing import WalletContainer

    with WalletContainer() as container:
        yield container


@pytest.fixture
def wallet(wallet_container: WalletContainer) -> Iterator[Wallet]:
    """A client of that container's service, on an empty ledger: ids begin at 1."""
    wallet_container.reset()
    with wallet_container.client() as wallet:
        yield wallet
