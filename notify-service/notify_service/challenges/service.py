"""Questions as the composition root sees them: made from accounts and neighbours, started on the supervised loops."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from notify_service.accounts import Account
from notify_service.challenges.answering import Answers, Understood
from notify_service.challenges.asking_back import AskingBack, Submit
from notify_service.challenges.calls import Calls, Heard, StopsCalls
from notify_service.challenges.codes import Codes
from notify_service.challenges.watching import Watching
from notify_service.delivery.ports import Clock, Outcomes, Vault
from notify_service.delivery.service import OUTCOMES_BELL
from notify_service.delivery.tally import Count
from notify_service.delivery.tokens import CallbackToken, call_address
from notify_service.loops import Loops
from notify_service.wake import Bells


def questions_bell(account_id: str) -> str:
    """The name of the bell that wakes whoever looks at an account's questions."""
    return f"questions {account_id}"


def bell_names(accounts: Mapping[str, Account]) -> list[str]:
    """Every bell that questions ring or wait for."""
    return [questions_bell(account_id) for account_id in accounts]


@dataclass(frozen=True)
class Neighbours:
    """What questions share with the rest of the process."""

    pool: Any
    clock: Clock
    codes: Codes
    vault: Vault
    consent: StopsCalls
    outcomes: Outcomes
    bells: Bells
    count: Count


class Questions:
    """The questions of all accounts. `public_url`: where keys pressed in calls reach us; `submit`: intake's, to ask back with."""

    def __init__(
        self,
        accounts: Mapping[str, Account],
        neighbours: Neighbours,
        *,
        public_url: str | None,
        submit: Submit | None = None,
    ) -> None:
        self._n = neighbours
        self._accounts = accounts
        self._public_url = public_url or ""
        self._submit = submit
        self.answers = {account_id: self._answering(account) for account_id, account in accounts.items()}
        self.calls = {account_id: self._calling(account) for account_id, account in accounts.items()}
        self.watching = {account_id: self._watching(account_id) for account_id in accounts}
        self.asking_back = {
            account_id: AskingBack(account_id, neighbours.pool, neighbours.clock, neighbours.vault, submit)
            for account_id in accounts
            if submit is not None
        }

    async def go_on(self, token: CallbackToken, heard: Heard) -> str:
        """What a call of one of our accounts says next."""
        return await self.calls[token.account_id].go_on(token, heard)

    def start(self, loops: Loops) -> None:
        """Adds the loops."""
        for account_id in self._accounts:
            loops.add(f"questions {account_id}", self._run(loops, account_id))

    async def _run(self, loops: Loops, account_id: str) -> None:
        bell = self._n.bells[questions_bell(account_id)]
        found: list[int] = []

        async def turn() -> None:
            found[:] = [await self.watching[account_id].turn()]
            if account_id in self.asking_back:
                found.append(await self.asking_back[account_id].turn())

        while not loops.stopping.is_set():
            if not (await loops.turn(f"questions {account_id}", turn) and any(found)):
                await bell.wait(1.0)

    def _answering(self, account: Account) -> Answers:
        n, account_id = self._n, account.account_id
        senders = {sender.name: sender for sender in account.senders}
        return Answers(account_id, senders, n.codes, n.outcomes, n.clock.now, self._committed(account_id))

    def _committed(self, account_id: str) -> Callable[[Understood], None]:
        def committed(understood: Understood) -> None:
            for what, labels in understood.counts:
                self._n.count(what, labels, 1)
            if understood.decided:
                self._n.bells.ring(OUTCOMES_BELL)
            if understood.asks_back:
                self._n.bells.ring(questions_bell(account_id))

        return committed

    def _calling(self, account: Account) -> Calls:
        n = self._n

        def address_of(token: CallbackToken, turn: int) -> str:
            return call_address(self._public_url, token, turn)

        return Calls(
            account.account_id, account.brand, account.language, n.pool, n.clock, n.vault, n.consent, n.outcomes, n.count, address_of,
            lambda: n.bells.ring(OUTCOMES_BELL),
        )  # fmt: skip

    def _watching(self, account_id: str) -> Watching:
        n = self._n
        return Watching(account_id, n.pool, n.clock, n.outcomes, n.count, lambda: n.bells.ring(OUTCOMES_BELL))
