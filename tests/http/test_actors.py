"""Who asks is handed on with each call, alone or in a group."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from service.bodies import Annotation
from service.config import Settings
from service.database import Database
from service.rows import TransactionRow
from tests.support import databases


def test_requests_that_go_together_keep_their_actors_and_each_its_own_key(
    database: databases.Database,
) -> None:
    database.execute("SELECT wallet.create_account('ada@example.com')")
    actors = ["a", "a", "b", None, "b", "c"]  # The first goes alone, the others wait for it.

    async def deposit_for_each() -> list[TransactionRow]:
        wallet = Database(Settings(database_url=database.url("wallet_app")), "on")
        try:
            return await asyncio.gather(
                *(
                    wallet.deposit(
                        account_id=1,
                        amount=Decimal(1),
                        idempotency_key="k",
                        actor=actor,
                        annotation=Annotation(),
                    )
                    for actor in actors
                )
            )
        finally:
            await wallet.close()

    made = asyncio.run(deposit_for_each())
    assert [row.actor for row in made] == [actor or "wallet_app" for actor in actors]
    assert [row.replayed for row in made] == [False, True, False, False, True, False]
    assert (made[0].id, made[2].id) == (made[1].id, made[4].id)
    assert len({row.id for row in made}) == 4
