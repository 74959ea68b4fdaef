"""What is in force for each account: its policy and its templates, read at start."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from notify_service import database
from notify_service.accounts import Account
from notify_service.consent import policy as policy_file
from notify_service.consent.policy import Policy
from notify_service.consent.policy_store import put_in_force
from notify_service.environment import InvalidSettingsError
from notify_service.intake.preparing import AccountInForce
from notify_service.settings import Settings
from notify_service.words import template_store
from notify_service.words.channels import content_problems
from notify_service.words.template import Template, TemplateError


@dataclass
class InForce:
    """What is in force for each account; replaced whole when it changes."""

    accounts: Mapping[str, Account]
    policies: dict[str, Policy]
    templates: dict[str, Mapping[str, Template]]
    takes_keys: bool = False

    def __call__(self, account_id: str) -> AccountInForce:
        """For one account."""
        account, policy, templates = self.accounts[account_id], self.policies[account_id], self.templates[account_id]
        return AccountInForce(account, policy, templates, self.takes_keys)

    def policy(self, account_id: str) -> Policy:
        """An account's policy."""
        return self.policies[account_id]


def read_policy(settings: Settings, account: Account | None = None) -> Policy:
    """The policy file: an account's own, or the service's.

    Raises:
        PolicyError: listing every problem.
    """
    own = account.policy_file if account is not None else None
    path = own or settings.notify_policy_file or database.shipped("policy.yaml")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        problem = policy_file.Problem(1, f"the file cannot be read ({why})", "correct the path or the file")
        raise policy_file.PolicyError(path.name, [problem]) from None
    return policy_file.parse(text, path.name)


def read_words(
    accounts: Mapping[str, Account], shipped: template_store.Bodies
) -> dict[str, dict[tuple[str, str, str], str]]:
    """Each account's own words.

    Raises:
        TemplateError: listing every problem, each with its account.
    """
    words: dict[str, dict[tuple[str, str, str], str]] = {}
    problems: list[str] = []
    for account_id, account in accounts.items():
        try:
            words[account_id] = template_store.read_own(account.texts, shipped) if account.texts is not None else {}
        except TemplateError as error:
            problems += [f"account {account_id}: {line}" for line in str(error).splitlines()]
    if problems:
        raise TemplateError("\n".join(problems))
    return words


async def put_all_in_force(pool: Any, settings: Settings, accounts: Mapping[str, Account]) -> InForce:
    """Seeds the shipped templates, puts each account's policy and own words in force, and reads what then stands.

    Links may also point to the host by which this service itself is reached: it is the operator's own.
    """
    own = urlsplit(settings.notify_public_url).hostname
    policies = {account_id: read_policy(settings, account) for account_id, account in accounts.items()}
    shipped = template_store.read_shipped(database.shipped("texts"))
    words = read_words(accounts, shipped)
    in_force = InForce(accounts, {}, {}, takes_keys=bool(settings.notify_public_url))
    async with pool.acquire() as conn:
        for account_id in accounts:
            stored = await put_in_force(conn, account_id, policies[account_id], "start")
            in_force.policies[account_id] = replace(
                stored, link_domains=(*stored.link_domains, own) if own else stored.link_domains
            )
            await template_store.seed(conn, account_id, shipped)
            await template_store.adopt(conn, account_id, words[account_id])
            templates = in_force.templates[account_id] = await template_store.in_force(conn, account_id)
            if problems := content_problems(accounts[account_id].contents, templates):
                raise InvalidSettingsError("\n".join(f"account {account_id}: {problem}" for problem in problems))
    return in_force
