"""The page before the real services: `paybell-sandbox run` with PostgreSQL, gRPC and both vendors' clients, as a newcomer has it.

With PAYBELL_PICTURES naming a folder, pictures of it are kept there.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.e2e.page.conftest import HAND, WIDE, Open
from tests.e2e.page.test_page import press
from tests.e2e.pair import REORDER_WINDOW_MS, REPEATS
from tests.e2e.stack import started

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE_MS = 45_000


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where a running Paybell shows its page."""
    with started() as stack:
        stack.deliver_as_stripe_does(REPEATS, REORDER_WINDOW_MS)
        yield stack.address
        stack.end(signal.SIGINT)


async def keep(page: Page, name: str) -> None:
    if folder := os.environ.get("PAYBELL_PICTURES"):
        await page.mouse.move(0, 0)
        await page.wait_for_timeout(1_200)  # a picture has no deadline; what is still moving comes to rest
        await page.screenshot(path=Path(folder) / f"{name}.png")


async def stages(page: Page) -> list[str]:
    rows = page.locator(".way:visible .stage-row")
    return await rows.evaluate_all("rows => rows.map(row => row.dataset.stage)")  # type: ignore[no-any-return]


async def test_a_bill_of_several_days_through_both_services(address: str, opened: Open) -> None:
    page = await opened(address, WIDE)
    page.set_default_timeout(PATIENCE_MS)
    await keep(page, "empty")
    await press(page, "renewal_fails")
    bubbles = page.locator('.said[data-how="here"] .bubble')
    await expect(bubbles).to_have_count(1, timeout=PATIENCE_MS)
    await expect(bubbles).to_contain_text("$49.00")
    await expect(page.locator(".rung").nth(0)).to_contain_text("sent", timeout=PATIENCE_MS)
    await expect(page.locator('.way:visible [data-stage="receipt"]').first).to_contain_text("The handset has it.")
    told = await stages(page)
    assert [stage for stage in told if stage in ("event", "fact", "rule", "step", "intake", "gate", "attempt", "receipt")][:8] == [
        "event", "fact", "rule", "step", "intake", "gate", "attempt", "receipt",
    ]  # fmt: skip
    await keep(page, "day")

    for _ in range(3):
        before = await page.locator("#clock-day").inner_text()
        await page.locator("#plus-day").click()
        await expect(page.locator("#clock-day")).not_to_have_text(before)
    await expect(bubbles).to_have_count(2, timeout=PATIENCE_MS)
    await expect(page.locator(".rung").nth(1)).to_contain_text("sent", timeout=PATIENCE_MS)
    await page.locator(".stage-row[data-coming]").last.scroll_into_view_if_needed()
    await keep(page, "several-days")

    await press(page, "customer_pays", ".next .follow-up")
    await expect(bubbles).to_have_count(3, timeout=PATIENCE_MS)
    await expect(page.locator(".run").last.locator('.rung[data-tone="off"]')).to_contain_text(
        "Text 3", timeout=PATIENCE_MS
    )

    await page.locator("#to-open").click()
    await page.get_by_role("button", name="Tonight, 22:00").click()
    await expect(page.locator("#stage")).to_have_attribute("data-light", "night")
    await page.get_by_role("button", name="STOP").click()
    await expect(bubbles.last).to_contain_text("unsubscribed")
    await press(page, "refund_full", ".next .follow-up")
    await expect(page.locator(".run").first.locator('.rung[data-tone="bad"]')).to_contain_text(
        "opted out", timeout=PATIENCE_MS
    )
    await expect(page.locator(".loud").first).to_be_visible()
    await keep(page, "night")

    dark = await opened(address, (1280, 800), color_scheme="dark")
    await expect(dark.locator('.rung[data-tone="bad"]').first).to_be_visible(timeout=PATIENCE_MS)
    await keep(dark, "dark")
    hand = await opened(address, HAND)
    await expect(hand.locator("#bubbles .bubble").last).to_be_visible()
    await keep(hand, "hand")
    await hand.locator('[data-go="became"]').click()
    await hand.locator(".event", has_text="invoice.payment_failed").first.click()
    await expect(hand.locator(".way:visible .stage-row").first).to_be_visible(timeout=PATIENCE_MS)
    await keep(hand, "hand-became")


async def test_a_customer_without_a_usable_number_is_shown_as_not_written_to(address: str, opened: Open) -> None:
    page = await opened(address)
    await press(page, "customer_without_phone")
    await expect(page.locator(".run").first.locator('.rung[data-tone="bad"]')).to_contain_text(
        "There is no usable number.", timeout=PATIENCE_MS
    )
    await expect(page.locator(".loud")).to_contain_text("was not sent", timeout=PATIENCE_MS)
