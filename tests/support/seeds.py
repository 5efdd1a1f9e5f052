"""Seeds for what is random: printed, so that a failure can be run again."""

from __future__ import annotations

import os
import secrets


def fresh_seed() -> int:
    """WALLET_TEST_SEED, or a new one. pytest shows what is printed here when the test fails."""
    seed = int(os.environ.get("WALLET_TEST_SEED") or secrets.randbits(32))
    print(f"the seed is {seed}; run this again with WALLET_TEST_SEED={seed}")
    return seed
