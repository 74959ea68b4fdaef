"""Conditions on country, language, price and interval, from Stripe's event to the words that are chosen, in both shapes."""

from pathlib import Path

import pytest

from ingest_service.clock import Clock
from ingest_service.planning import rules_store
from ingest_service.planning.planning import Planning
from ingest_service.planning.rules_store import RulesInForce
from ingest_service.planning.sealed_columns import open_variables
from paybell_sandbox.stripe import STRIPE
from tests.integration.ingest.folding.house import House
from tests.unit.ingest.folding.test_effects import SHAPES

RULES = """
flows:
  - flow: receipt
    on: payment_succeeded
    variant:
      - {when: 'fact.country == "DE"', use: of_germany}
      - {when: '"ja-JP" in fact.languages', use: in_japanese}
      - {when: '"TEAM" in fact.price_ids || "LAMP" in fact.price_ids', use: of_price}
      - {when: 'fact.interval == "year" && fact.interval_count == 1', use: yearly}
      - {use: plain}
    steps:
      - {template: payment_succeeded}
"""
CASES = (
    ("renewal_paid", "jonas", "studio", "of_germany"),
    ("renewal_paid", "yuki", "studio", "in_japanese"),
    ("renewal_paid", "ana", "team", "of_price"),
    ("renewal_paid", "ana", "studio_yearly", "yearly"),
    ("renewal_paid", "ana", "studio", "plain"),
    ("purchase", "ana", "lamp", "of_price"),
    ("purchase", "ana", "workshop", "plain"),
)


@pytest.mark.parametrize("version", SHAPES)
async def test_words_are_chosen_by_country_language_price_and_interval(
    house: House, version: str, tmp_path: Path
) -> None:
    stripe = house.box.app[STRIPE]
    arrived, wanted = [], {}
    for story, customer, article, variant in CASES:
        ids, events = stripe.play(story, {"customer": customer, "article": article})
        about = f"invoice:{ids['invoice']}" if story == "renewal_paid" else f"payment:{ids['payment_intent']}"
        wanted[f"{about}/receipt"] = variant
        arrived += [event.envelope(version, connected=False) for event in events]
    [world] = stripe.accounts.worlds()
    products = {one["id"]: one["name"] for one in world.kinds["product"]}
    prices = {products[one["product"]]: one["id"] for one in world.kinds["price"] if one["currency"] == "usd"}
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES.replace("TEAM", prices["Studio Team"]).replace("LAMP", prices["Walnut desk lamp"]))
    async with house.pool.acquire() as conn:
        await rules_store.apply(conn, "main", rules, house.sealer, by="test")
    await house.arrive(arrived)
    await house.fold()
    await house.look_up()
    planning = Planning(house.pool, ["main"], Clock(), house.sealer, RulesInForce(house.sealer))
    while await planning.turn():
        pass
    plans = await house.pool.fetch("SELECT * FROM plan WHERE account_id = 'main'")
    chosen = {
        plan["concern"]: open_variables(house.sealer, "main", plan["plan_id"], plan["data_key_id"], plan["variables"])[
            "variant"
        ]
        for plan in plans
    }
    assert {concern: chosen.get(concern) for concern in wanted} == wanted
