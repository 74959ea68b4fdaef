"""Bills that are paid by a bank debit: nothing fails, and the money is there days after the bill was opened."""

from __future__ import annotations

from typing import Final

from paybell_sandbox.stripe import billing
from paybell_sandbox.stripe.catalogue import ARTICLES, price_for
from paybell_sandbox.stripe.objects.bank_accounts import bank_account_object
from paybell_sandbox.stripe.objects.subscriptions import subscription_object
from paybell_sandbox.stripe.stories.cast import customer_of, last
from paybell_sandbox.stripe.stories.renewals import INVOICE, touched
from paybell_sandbox.stripe.stories.story import CUSTOMER, MONEY, Options, Story
from paybell_sandbox.stripe.world import Obj, World

GROUP: Final = "Bills"


def renewal_by_bank_debit(world: World, options: Options) -> dict[str, str]:
    now, customer = world.now(), customer_of(world, options)
    account = world.add(bank_account_object(world, customer))
    price = price_for(world, ARTICLES["studio"], "usd", options.number("amount"))
    began = billing.shifted(now, "month", -1)
    subscription = world.add(
        subscription_object(
            world,
            customer=customer["id"],
            price=price,
            method=account["id"],
            created=billing.shifted(now, "month", -3),
            period=(began, now),
        )
    )
    with world.long_ago(now - began):
        billing.pay(world, billing.begin_period(world, subscription), account, counts_as_attempt=True)
    for item in subscription["items"]["data"]:
        item["current_period_end"] = now
    invoice = billing.begin_period(world, subscription)
    billing.debit_under_way(world, invoice, account)
    return touched(invoice, world)


def bank_debit_arrives(world: World, options: Options) -> dict[str, str]:
    def under_way(invoice: Obj) -> bool:
        payable = invoice["status"] == "open" and bool(world.payments_of(invoice["id"]))
        return payable and billing.intent_of(world, invoice)["status"] == "processing"

    invoice = last(world, "invoice", options, "a bill whose bank debit is under way", under_way)
    method = world.need(billing.intent_of(world, invoice)["payment_method"])
    billing.pay(world, invoice, method, counts_as_attempt=False)
    return touched(invoice, world)


STORIES: Final = (
    Story(
        "renewal_by_bank_debit",
        GROUP,
        "A renewal is debited from a bank account",
        "The next month is due and the bank is asked for it: its answer takes days, and nothing has failed meanwhile.",
        renewal_by_bank_debit,
        (*CUSTOMER, MONEY[1]),
        ("bank_debit_arrives", "invoice_voided", "subscription_ends"),
    ),
    Story(
        "bank_debit_arrives",
        GROUP,
        "The bank debit arrives",
        "The bank has paid: the bill that was under way is paid at the first try.",
        bank_debit_arrives,
        (INVOICE,),
        follows=True,
    ),
)
