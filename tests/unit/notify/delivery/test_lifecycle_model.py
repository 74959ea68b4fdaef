"""A model of the provider with every fault it has, against the lifecycle: one message, whatever happens in whatever order.

The provider accepts at most 60 s after a call, lists at most 60 s later, loses answers and callbacks, repeats and reorders
what it does not lose. Within those bounds the provider must never hold two messages for one notification.
"""

from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from notify_service.delivery import lifecycle, ranks, states
from notify_service.delivery.call_outcome import Accepted, CallOutcome, NotSent, Refused, Unknown
from notify_service.delivery.case import Attempt, Case, Ended, Notification, Now, Receipt, Step
from tests.unit.notify.delivery.cases import START, TIMES, attempt, notification, route

WORDS = ("queued", "sending", "sent", "delivered", "undelivered", "read", "failed")


class Delivery(RuleBasedStateMachine):
    """One notification, its attempts, and what the provider holds."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.n: Notification = notification(
            state="queued", due_at=START, attempts=0, not_after=START + timedelta(days=2)
        )
        self.attempts: dict[int, Attempt] = {}
        self.held_there: dict[str, tuple[int, float]] = {}  # id -> attempt, seconds at which lists show it
        self.answers: list[tuple[int, CallOutcome]] = []
        self.ends = 0
        self.callbacks = True

    @initialize(repeat=st.sampled_from(["resend_once", "hold"]), callbacks=st.booleans())
    def wish(self, repeat: str, callbacks: bool) -> None:
        """The request says what to do when nobody knows; in half of the runs no callback ever comes."""
        self.n = replace(self.n, if_unresolved=repeat)
        self.callbacks = callbacks

    def _seconds(self) -> float:
        return (self.now - START).total_seconds()

    def _moment(self) -> Now:
        return Now(self.now, self.now)

    def _take(self, number: int, step: Step) -> None:
        before = self.attempts[number]
        states.check_notification_path(self.n.state, step.case.notification.state)
        states.check_attempt(before.state, step.case.attempt.state)
        assert step.case.attempt.status_rank >= before.status_rank
        assert before.sid in (None, step.case.attempt.sid)
        self.n = step.case.notification
        self.attempts[number] = step.case.attempt
        self.ends += sum(isinstance(effect, Ended) for effect in step.effects)

    def _open(self) -> list[Attempt]:
        return [a for a in self.attempts.values() if a.state in ("intent", "unknown")]

    @precondition(lambda self: self.n.state == "queued" and self.n.due_at <= self.now)
    @rule(
        fate=st.sampled_from(["lost answer", "201", "never left", "500 before", "500 after", "429", "21611", "21211"]),
        slow=st.sampled_from([60, 0]),
        lag=st.sampled_from([60, 0]),
        reported=st.booleans(),
    )
    def claim_and_call(self, fate: str, slow: int, lag: int, reported: bool) -> None:
        """An attempt is committed and its call has a fate; its answer may reach us, now or later, or be lost with the process."""
        number = self.n.attempts + 1
        self.n = replace(self.n, state="sending", due_at=None, attempts=number)
        self.attempts[number] = attempt(
            number=number,
            created_at=self.now,
            not_after=self.now + TIMES.timeout,
            check_at=self.now + TIMES.timeout * 2,
            possible_duplicate=self.n.possible_duplicate,
        )
        sid = f"SM{number:032x}"
        if fate in ("201", "lost answer", "500 after"):
            self.held_there[sid] = (number, self._seconds() + 10 + slow + lag)
        outcomes: dict[str, CallOutcome] = {
            "201": Accepted(sid, "queued"),
            "429": NotSent("too_many_requests"),
            "21611": Refused(21611, 400),
            "21211": Refused(21211, 400),
        }
        outcome = outcomes.get(fate, Unknown("no_answer"))
        if reported and fate not in ("lost answer", "never left"):
            self.answers.append((number, outcome))

    @precondition(lambda self: self.answers)
    @rule(which=st.integers(0, 10))
    def record_an_answer(self, which: int) -> None:
        """However late."""
        number, outcome = self.answers.pop(which % len(self.answers))
        step = lifecycle.answered(Case(self.n, self.attempts[number]), outcome, self._moment(), TIMES, route)
        self._take(number, step)

    @precondition(lambda self: self.held_there and self.callbacks)
    @rule(which=st.integers(0, 10), word=st.sampled_from(WORDS))
    def callback(self, which: int, word: str) -> None:
        """In any order, any number of times, before or after anything else."""
        sid = list(self.held_there)[which % len(self.held_there)]
        number, _ = self.held_there[sid]
        code = 30005 if word in ("failed", "undelivered") else 0
        step = lifecycle.told(
            Case(self.n, self.attempts[number]), Receipt(word, code, sid, "callback"), self._moment(), TIMES, route
        )
        self._take(number, step)

    @rule(seconds=st.sampled_from([31, 5, 61, 135, 4000]), listing_works=st.sampled_from([True, True, True, False]))
    def time_passes(self, seconds: int, listing_works: bool) -> None:
        """The resolver and the sweep look at what is due."""
        self._pass(timedelta(seconds=seconds), listing_works)

    @precondition(lambda self: any(a.check_at is not None for a in self.attempts.values()))
    @rule(late=st.sampled_from([0, 6]))
    def until_something_is_due(self, late: int) -> None:
        """The shortest waits are the dangerous ones."""
        due = min(a.check_at for a in self.attempts.values() if a.check_at is not None)
        self._pass(max(due - self.now, timedelta(0)) + timedelta(seconds=late), listing_works=True)

    def _pass(self, time: timedelta, listing_works: bool) -> None:
        self.now += time
        for number, a in list(self.attempts.items()):
            if a.check_at is None or a.check_at > self.now:
                continue
            subject = Case(self.n, a)
            if a.state == "intent":
                self._take(number, lifecycle.lapsed(subject, self._moment(), TIMES))
            elif a.state == "unknown" and listing_works:
                taken = {other.sid for other in self.attempts.values()}
                shown = [s for s, (_, at) in self.held_there.items() if at <= self._seconds() and s not in taken]
                if shown:
                    word = Receipt("sent", 0, shown[0], "listing")
                    self._take(number, lifecycle.told(subject, word, self._moment(), TIMES, route))
                else:
                    self._take(number, lifecycle.not_listed(subject, self._moment(), TIMES, concern_over=False))
            elif a.state != "unknown":
                self._take(number, lifecycle.looked_at(subject, self._moment(), TIMES))

    @invariant()
    def one_message(self) -> None:
        """The provider never holds two, and at most one attempt is open."""
        assert len(self.held_there) <= 1
        assert len(self._open()) <= 1

    @invariant()
    def somebody_must_act_exactly_while_something_is_open(self) -> None:
        """No row is forgotten: an open one has a moment at which it is looked at again."""
        assert (self.n.state in ("queued", "handed_back")) == (self.n.due_at is not None)
        if self.n.state in ("sending", "unresolved"):
            assert self._open()
        for a in self._open():
            assert a.check_at is not None
        if self.n.state in ("accepted", "sent"):
            assert any(a.check_at is not None for a in self.attempts.values() if a.sid == self.n.last_sid)

    @invariant()
    def the_end_is_told(self) -> None:
        """Whoever ends is told of at least once."""
        if self.n.state in states.ENDS:
            assert self.ends >= 1

    @invariant()
    def final_is_final(self) -> None:
        """What was delivered stays so."""
        for a in self.attempts.values():
            assert a.status is None or ranks.rank(a.channel, a.status) == a.status_rank


Delivery.TestCase.settings = settings(
    max_examples=300, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestDelivery = Delivery.TestCase
