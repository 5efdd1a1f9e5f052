"""Who asks is handed on with each call, alone or in a group."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from service.bodies import Annotation
from service.config import Settings
from service.database import Database
from service.rows import TransactionRow
from tests.http.processes import key_held, wait_until, waiting
from tests.support import databases


def test_requests_that_go_together_keep_their_actors_and_each_its_own_key(
    database: databases.Database,
) -> None:
    database.execute("SELECT wallet.create_account('ada@example.com')")
    actors = ["a", "a", "b", None, "b", "c"]  # The first goes alone, the others wait for it.

    async def deposit_for_each() -> list[TransactionRow]:
        wallet = Database(Settings(database.url("wallet_app"), lock_timeout=10), "on")

        async def deposit(actor: str | None, key: str = "k") -> TransactionRow:
            return await wallet.deposit(
                account_id=1,
                amount=Decimal(1),
                idempotency_key=key,
                actor=actor,
                annotation=Annotation(),
            )

        try:
            made = await asyncio.gather(*map(deposit, actors))
            with key_held(database, "held", "a"):
                waits = asyncio.create_task(deposit("a", "held"))
                await asyncio.to_thread(
                    wait_until, lambda: waiting(database) == 1, "a call waits for the key"
                )
                # Another actor's key of that name is free.
                assert (await deposit("b", "held")).actor == "b"
            assert (await waits).actor == "a"
        finally:
            await wallet.close()
        return made

    made = asyncio.run(deposit_for_each())
    assert [row.actor for row in made] == [actor or "wallet_app" for actor in actors]
    assert [row.replayed for row in made] == [False, True, False, False, True, False]
    assert (made[0].id, made[2].id) == (made[1].id, made[4].id)
    assert len({row.id for row in made}) == 4
