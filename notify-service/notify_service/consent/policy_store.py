"""Versions of the policy. SQL."""

import dataclasses
from typing import Any

from notify_service.consent.policy import Policy

APPLY_LOCK = 7_230_921


async def put_in_force(conn: Any, account_id: str, policy: Policy, by: str) -> Policy:
    """Makes a policy the newest version of an account, unless it is already; gives it with its version."""
    async with conn.transaction():
        await conn.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", APPLY_LOCK, account_id)
        newest = await conn.fetchrow(
            "SELECT version, sha256 FROM policy_version WHERE account_id = $1 ORDER BY version DESC LIMIT 1", account_id
        )
        if newest is not None and newest["sha256"] == policy.sha256:
            return dataclasses.replace(policy, version=newest["version"])
        version = newest["version"] + 1 if newest is not None else 1
        await conn.execute(
            "INSERT INTO policy_version (account_id, version, sha256, body, applied_by) VALUES ($1, $2, $3, $4, $5)",
            account_id, version, policy.sha256, policy.body, by,
        )  # fmt: skip
        return dataclasses.replace(policy, version=version)
