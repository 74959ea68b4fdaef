"""What a newcomer sees: a story is pressed, a text arrives, and beside it stands what became of each event."""

import re

import aiohttp
import pytest
from playwright.async_api import Page, expect

from paybell_sandbox.app import RunningSandbox, running
from paybell_sandbox.settings import Settings
from tests.e2e.page.conftest import HAND, WIDE, Open
from tests.e2e.page.standin import Standin

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANA = "+14155552671"
HOSTILE = '<img src=x onerror="window.broken = 1"><b>bold</b>'


async def press(page: Page, story: str, where: str = ".story") -> None:
    button = page.locator(f'{where}[data-story="{story}"]').first
    group = page.locator("details.group", has=button)
    if await group.count() and await group.get_attribute("open") is None:
        await group.locator("summary").click()
    await button.click()


async def test_a_failed_renewal_arrives_as_a_text_and_its_whole_way_stands_beside_it(
    box: RunningSandbox, opened: Open
) -> None:
    page = await opened(box.url)
    await expect(page.locator("#became-empty")).to_be_visible()
    await expect(page.locator("#lock-hint")).to_contain_text("Ana’s phone")
    await press(page, "renewal_fails")
    await expect(page.locator("#banner-words")).to_contain_text("did not go through")
    await expect(page.locator(".said .bubble")).to_contain_text("your payment of $42.00 did not go through")
    run = page.locator(".run")
    await expect(run.locator("h3")).to_have_text("A renewal fails")
    await expect(run.locator(".event")).to_have_count(9)
    fates = run.locator("li", has=page.locator("[data-event]")).locator(".fate")
    assert set(await fates.all_inner_texts()) == {"Made a fact", "Joined a fact", "Noted", "Ignored", "Set aside"}
    # the event that made the fact has opened by itself
    way = run.locator(".way:visible")
    await expect(way.locator('[data-stage="receipt"]')).to_contain_text("The handset has it.")
    stages = await way.locator(".stage-row").evaluate_all("rows => rows.map(row => row.dataset.stage)")
    assert stages == [
        "event",
        "fact",
        "rule",
        "step",
        "intake",
        "gate",
        "template",
        "attempt",
        "receipt",
        "step",
        "step",
    ]
    await expect(way.locator(".now")).to_contain_text("Now, 10:0")
    await expect(run.locator(".rung").nth(0)).to_contain_text("sent")
    await expect(run.locator('.rung[data-tone="wait"]')).to_have_count(2)


async def test_next_step_moves_the_clock_to_the_next_text(box: RunningSandbox, opened: Open) -> None:
    page = await opened(box.url)
    await press(page, "renewal_fails")
    await expect(page.locator(".rung").nth(0)).to_contain_text("sent")
    day = await page.locator("#clock-day").inner_text()
    await page.locator("#next-step").click()
    await expect(page.locator(".said .bubble").nth(1)).to_contain_text("still open")
    await expect(page.locator("#clock-note")).to_have_text(re.compile(r"3 days later: something was due at 10:0\d\."))
    assert await page.locator("#clock-day").inner_text() != day
    await expect(page.locator(".rung").nth(1)).to_contain_text("sent")
    await expect(page.locator(".bubbles .day")).to_have_count(2)


async def test_by_night_the_sky_and_the_phone_are_dark(box: RunningSandbox, opened: Open) -> None:
    page = await opened(box.url)
    stage = page.locator("#stage")
    await expect(stage).to_have_attribute("data-light", "day")
    await page.locator("#to-open").click()
    await page.get_by_role("button", name="Tonight, 22:00").click()
    await expect(page.locator("#clock-hour")).to_have_text("22:00")
    await expect(stage).to_have_attribute("data-light", "night")
    await expect(stage).to_have_attribute("data-words", "light")
    await expect(page.locator("#bar-time")).to_have_text("22:00")


async def test_the_hands_run_where_motion_is_welcome_and_arrive(box: RunningSandbox, opened: Open) -> None:
    page = await opened(box.url, reduced_motion="no-preference")
    await expect(page.locator("#clock-hour")).to_have_text("10:00")
    await page.evaluate(
        """() => { window.hours = new Set();
        new MutationObserver(() => hours.add(document.getElementById('clock-hour').textContent))
          .observe(document.getElementById('clock-hour'), {childList: true, characterData: true, subtree: true}) }"""
    )
    await page.locator("#plus-hour").click()
    await expect(page.locator("#clock-hour")).to_have_text("11:00")
    assert await page.evaluate("hours.size") > 2


async def test_what_was_not_sent_is_loud_and_says_why(box: RunningSandbox, opened: Open) -> None:
    page = await opened(box.url)
    await press(page, "renewal_fails")
    await expect(page.locator(".said .bubble").first).to_be_visible()
    await page.get_by_role("button", name="STOP").click()
    await expect(page.locator('.said[data-how="mine"]')).to_contain_text("STOP")
    await expect(page.locator(".said").last).to_contain_text("unsubscribed")
    await press(page, "renewal_fails")
    loud = page.locator(".run").first.locator('.rung[data-tone="bad"]')
    await expect(loud).to_contain_text("not sent")
    await expect(loud).to_contain_text("The recipient has opted out.")
    await expect(page.locator(".loud")).to_contain_text("Message 1 to the customer was not sent")
    await expect(page.locator('[data-stage="gate"][data-verdict="stopped"]')).to_contain_text("opted out by STOP")


async def test_a_customer_without_a_number_is_told_of_and_gets_no_phone(box: RunningSandbox, opened: Open) -> None:
    page = await opened(box.url)
    await press(page, "customer_without_phone")
    await expect(page.locator('.rung[data-tone="bad"]')).to_contain_text("There is no usable number.")
    await expect(page.locator("#phone-tabs")).to_be_hidden()


async def test_follow_ups_go_on_with_the_same_bill(
    box: RunningSandbox, opened: Open, http: aiohttp.ClientSession
) -> None:
    page = await opened(box.url)
    await press(page, "renewal_fails")
    await press(page, "retry_fails", ".next .follow-up")
    await expect(page.locator(".run")).to_have_count(2)
    await expect(page.locator(".run").first.locator(".run-meta")).to_contain_text("after “A renewal fails”")
    await press(page, "customer_pays", ".next .follow-up")
    await expect(page.locator(".run")).to_have_count(3)
    await expect(page.locator(".run").last.locator('.rung[data-tone="off"]')).to_have_count(2)
    await expect(page.locator(".event", has_text="invoice.paid").locator(".fate")).to_have_text("Settled a matter")
    async with http.get(f"{box.url}/sandbox/stripe/events?type=invoice.paid") as answer:
        (paid,) = (await answer.json())["events"]
    async with http.get(f"{box.url}/sandbox/stripe/events?type=invoice.payment_failed") as answer:
        failed = (await answer.json())["events"]
    assert {event["object"]["id"] for event in failed} == {paid["object"]["id"]}


async def test_a_second_number_gets_a_phone_of_its_own(box: RunningSandbox, opened: Open) -> None:
    page = await opened(box.url)
    await press(page, "renewal_fails")
    await expect(page.locator(".said .bubble").first).to_be_visible()
    await page.locator("#who").select_option("jonas")
    await press(page, "renewal_fails")
    tabs = page.get_by_role("tab")
    await expect(tabs).to_have_text(["Ana", "Jonas"])
    await expect(tabs.nth(1)).to_have_attribute("aria-selected", "true")
    await expect(page.locator("#bar-time")).to_have_text(re.compile("16:0."))  # it is afternoon in Berlin
    await expect(page.locator("#clock-place")).to_contain_text("in Berlin")
    await tabs.nth(1).press("ArrowLeft")
    await expect(tabs.nth(0)).to_be_focused()
    await expect(page.locator("#bar-time")).to_have_text(re.compile("10:0."))
    await page.evaluate("fetch('/sandbox/stories/renewal_fails', {method: 'POST', body: '{\"customer\": \"jonas\"}'})")
    await expect(tabs.nth(1).locator(".badge")).to_contain_text("1")


async def test_a_call_rings_is_answered_speaks_and_takes_keys(
    box: RunningSandbox, services: Standin, opened: Open, http: aiohttp.ClientSession
) -> None:
    page = await opened(box.url)
    question = "<Say>Did you make this payment?</Say><Gather numDigits='1'><Say>Press one for yes.</Say></Gather>"
    sid = await services.call(ANA, f"<Response>{question}</Response>")
    answer = page.get_by_role("button", name="Answer", exact=True)
    await expect(answer).to_be_focused()
    await expect(page.locator("#call-state")).to_have_text("is calling …")
    await page.keyboard.press("Enter")
    await expect(page.locator("#captions li")).to_have_text(["Did you make this payment?", "Press one for yes."])
    await page.keyboard.press("1")
    await expect(page.locator("#pressed")).to_have_text("1")
    async with http.get(f"{box.url}/sandbox/messages") as told:
        (call,) = (one for one in (await told.json())["messages"] if one["sid"] == sid)
    assert call["pressed"] == ["1"]
    hang_up = page.get_by_role("button", name="Hang up")
    if await hang_up.is_visible():
        await hang_up.click()
    await expect(page.locator("#call")).to_be_hidden()
    await expect(page.locator(".call-note")).to_contain_text("Call")


async def test_a_declined_call_stands_as_declined(box: RunningSandbox, services: Standin, opened: Open) -> None:
    page = await opened(box.url)
    await services.call(ANA, "<Response><Say>Hello</Say></Response>")
    await page.get_by_role("button", name="Decline", exact=True).click()
    await expect(page.locator(".call-note")).to_contain_text("Call declined")


async def test_a_text_says_which_event_it_came_of(box: RunningSandbox, opened: Open) -> None:
    page = await opened(box.url)
    await press(page, "renewal_fails")
    row = page.locator(".event", has_text="invoice.payment_failed")
    await expect(row).to_have_attribute("aria-expanded", "true")
    await row.click()
    await expect(row).to_have_attribute("aria-expanded", "false")
    await page.get_by_role("button", name="Why this text?").click()
    await expect(row).to_have_attribute("aria-expanded", "true")


async def test_ids_are_short_to_the_eye_and_whole_when_copied(box: RunningSandbox, opened: Open) -> None:
    page = await opened(box.url, permissions=["clipboard-read", "clipboard-write"])
    await press(page, "renewal_fails")
    button = page.locator(".way:visible .way-tools .id")
    event = await page.locator('.event[aria-expanded="true"]').get_attribute("data-event")
    assert event is not None
    await expect(button).to_have_accessible_name(f"Copy {event}")
    assert "…" in await button.inner_text()
    await button.click()
    await expect(button).to_have_text("Copied")
    assert await page.evaluate("navigator.clipboard.readText()") == event
    await page.get_by_label("Show all ids").check()
    await expect(page.locator(".way:visible .ids").first).to_contain_text("event")


async def test_dates_in_sentences_are_told_in_the_phones_zone(box: RunningSandbox, opened: Open) -> None:
    page = await opened(box.url)
    await press(page, "renewal_fails")
    coming = page.locator(".stage-row[data-coming]").first
    await expect(coming).to_contain_text(re.compile(r"is due on \w{3} \d+ \w{3}, 10:0\d"))
    assert "UTC" not in await coming.inner_text()


async def test_ingest_that_does_not_answer_is_said_and_waited_for(
    box: RunningSandbox, services: Standin, opened: Open
) -> None:
    services.silent = True
    page = await opened(box.url)
    await expect(page.locator("#console-words")).to_have_text("ingest-service does not answer yet.")
    await expect(page.locator("#console-hint")).to_be_visible()
    await press(page, "renewal_fails")
    await expect(page.locator(".said .bubble").first).to_be_visible()  # the phone does not wait for it
    await expect(page.locator(".fate").first).to_have_text("Taken")
    services.silent = False
    await expect(page.locator("#console-trouble")).to_be_hidden()
    await expect(page.locator(".fate", has_text="Made a fact")).to_be_visible()


async def test_runs_outlive_a_reload_and_end_with_begin_anew(box: RunningSandbox, opened: Open) -> None:
    page = await opened(box.url)
    await press(page, "renewal_fails")
    await expect(page.locator(".rung").first).to_contain_text("sent")
    await page.reload()
    await expect(page.locator(".run h3")).to_have_text("A renewal fails")
    await expect(page.locator(".said .bubble")).to_have_count(1)
    await page.get_by_role("button", name="Begin anew").click()
    await expect(page.locator("#became-empty")).to_be_visible()
    await expect(page.locator("#locked")).to_be_visible()


@pytest.mark.parametrize("who", ["ana", "jonas"])
async def test_after_stop_and_begin_anew_start_can_be_sent_and_texts_come_again(
    box: RunningSandbox, opened: Open, who: str
) -> None:
    """The services remember the STOP, which the sandbox and its phone have forgotten."""
    page = await opened(box.url)
    await page.locator("#who").select_option(who)
    await press(page, "renewal_fails")
    texts = page.locator('.said[data-how="here"] .bubble')
    await expect(texts).to_have_count(1)
    await page.get_by_role("button", name="STOP").click()
    await expect(texts.last).to_contain_text("unsubscribed")
    await page.get_by_role("button", name="Begin anew").click()
    await expect(page.locator("#locked")).to_be_visible()
    await expect(page.locator("#reset-note")).to_contain_text("The services remember: their plans still come due")
    await press(page, "renewal_fails")
    await expect(page.locator('.rung[data-tone="bad"]')).to_contain_text("opted out")
    await page.get_by_role("button", name="Write a text").click()
    await expect(page.locator("#other")).to_have_text("+1 415 555 0100")
    await expect(page.locator("#reply-words")).to_be_focused()
    await page.get_by_role("button", name="START").click()
    await expect(texts).to_contain_text("re-subscribed")
    await press(page, "renewal_fails")
    await expect(texts).to_have_count(2)
    await expect(texts.last).to_contain_text("did not go through")


async def test_the_conversation_with_the_sender_is_in_the_list_before_anything_came(
    box: RunningSandbox, opened: Open
) -> None:
    page = await opened(box.url)
    await page.get_by_role("button", name="Write a text").click()
    await page.get_by_role("button", name="All conversations").click()
    await expect(page.locator("#list-threads li")).to_have_count(1)
    await expect(page.locator("#list-threads .preview")).to_have_text("Nothing yet")


async def test_begin_anew_ends_the_weather_of_both_vendors(box: RunningSandbox, opened: Open) -> None:
    page = await opened(box.url)
    await page.locator("#weather-open").click()
    for name in ("Callbacks are lost", "Stripe repeats itself", "Stripe mixes up the order"):
        await page.get_by_role("switch", name=name).check()
    await expect(page.locator("#weather-word")).to_have_text("3 things go wrong")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Begin anew").click()
    await expect(page.locator("#weather-word")).to_have_text("Fair weather")


BLOCKED = """
Object.defineProperty(window, "localStorage", {get() { throw new DOMException("Access is denied", "SecurityError"); }});
"""


async def test_a_browser_that_keeps_nothing_shows_the_page_all_the_same(box: RunningSandbox, opened: Open) -> None:
    page = await opened(box.url, before=BLOCKED)
    await press(page, "renewal_fails")
    await expect(page.locator(".said .bubble").first).to_be_visible()
    await page.get_by_label("Show all ids").check()
    await expect(page.locator(".way:visible .ids").first).to_contain_text("event")


async def test_whatever_the_sandbox_does_not_answer_is_said(
    box: RunningSandbox, opened: Open, http: aiohttp.ClientSession
) -> None:
    """No promise is left to fail unseen: `opened` fails where one is."""
    page = await opened(box.url)
    gone = "The sandbox does not answer."
    await page.locator("#weather-open").click()
    await page.get_by_role("switch", name="Stripe repeats itself").check()
    await expect(page.locator("#weather-calm")).to_be_visible()
    for path in ("reset", "faults", "stripe/delivery", "clock"):
        await page.route(f"**/sandbox/{path}", lambda route: route.abort("connectionrefused"))
    await page.locator("#weather-calm").click()
    await expect(page.locator("#weather-trouble")).to_contain_text(gone)
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Begin anew").click()
    await expect(page.locator("#reset-note")).to_contain_text(f"Not begun anew: {gone}")
    async with http.post(f"{box.url}/sandbox/clock", json={"advance_seconds": 3600}) as answer:
        assert answer.status == 200
    await expect(page.locator("#lost")).to_be_visible()
    await page.unroute_all()
    await expect(page.locator("#link-words")).to_have_text("Live")
    await expect(page.locator("#clock-hour")).to_have_text("11:00")


async def test_events_made_elsewhere_stand_by_themselves(
    box: RunningSandbox, opened: Open, http: aiohttp.ClientSession
) -> None:
    page = await opened(box.url)
    async with http.post(f"{box.url}/sandbox/stories/renewal_paid", json={}) as answer:
        assert answer.status == 201
    await expect(page.locator(".run h3")).to_have_text("Happened elsewhere")


async def test_a_sandbox_that_is_gone_is_said_and_found_again(opened: Open) -> None:
    async with running(Settings(listen="127.0.0.1:0", time_scale=0.1)) as first:
        page = await opened(first.url)
        await press(page, "renewal_fails")
        await expect(page.locator(".run")).to_have_count(1)
        listen = first.url.removeprefix("http://")
    await expect(page.locator("#lost")).to_be_visible()
    await expect(page.locator("#clock-note")).to_contain_text("The sandbox does not answer.")
    await page.locator('.story[data-story="renewal_fails"]').click()
    await expect(page.locator("#stories-trouble")).to_contain_text(
        "The sandbox does not answer. Is `make run` still running?"
    )
    async with running(Settings(listen=listen, time_scale=0.1)):
        await expect(page.locator("#link-words")).to_have_text("Live")
        await expect(page.locator("#lost")).to_be_hidden()
        await expect(page.locator(".run")).to_have_count(0)  # it is another sandbox, in which nothing has happened
        await expect(page.locator("#console-words")).to_contain_text("No ingest-service is connected")


async def test_a_story_that_cannot_be_told_says_why(box: RunningSandbox, opened: Open) -> None:
    page = await opened(box.url)
    await page.route(
        "**/sandbox/stories/renewal_fails",
        lambda route: route.fulfill(status=400, json={"error": "play another first"}),
    )
    await press(page, "renewal_fails")
    await expect(page.locator("#stories-trouble")).to_have_text("“A renewal fails” did not happen: play another first")


async def test_what_arrives_is_text_and_never_markup(box: RunningSandbox, services: Standin, opened: Open) -> None:
    page = await opened(box.url)
    await services.text(ANA, f"{HOSTILE} javascript:alert(1) http://127.0.0.1/x.")
    bubble = page.locator('.said[data-how="here"] .bubble')
    await expect(bubble).to_contain_text(HOSTILE)
    assert await bubble.locator("img, b").count() == 0
    assert await page.evaluate("window.broken") is None
    links = await bubble.locator("a").evaluate_all("links => links.map(link => [link.href, link.rel])")
    assert links == [["http://127.0.0.1/x", "noopener noreferrer"]]


async def test_a_text_that_never_arrives_is_shown_as_such(box: RunningSandbox, services: Standin, opened: Open) -> None:
    page = await opened(box.url)
    await services.text("+14155550103", "Hello")
    await page.get_by_role("tab").nth(1).click()
    await expect(page.locator('.said[data-how="lost"]')).to_contain_text("Never arrived: the handset is off")


async def test_the_weather_is_made_and_counted(box: RunningSandbox, opened: Open, http: aiohttp.ClientSession) -> None:
    page = await opened(box.url)
    await expect(page.locator("#weather-word")).to_have_text("Fair weather")
    await page.locator("#weather-open").click()
    await page.get_by_role("switch", name="Callbacks are lost").check()
    await page.get_by_role("switch", name="Stripe repeats itself").check()
    await page.get_by_role("switch", name="Stripe mixes up the order").check()
    await expect(page.locator("#weather-word")).to_have_text("3 things go wrong")
    async with http.get(f"{box.url}/sandbox/faults") as answer:
        (rule,) = (await answer.json())["rules"]
    assert (rule["side"], rule["operation"], rule["act"]) == ("twilio", "callback", "lose")
    async with http.get(f"{box.url}/sandbox/stripe/delivery") as answer:
        delivery = await answer.json()
    assert (delivery["repeats"], delivery["reorder_window_ms"]) == (3, 2000)
    await page.keyboard.press("Escape")
    await press(page, "renewal_fails")
    await expect(page.locator(".posts", has_text="3×")).to_have_count(9)
    await page.locator("#weather-open").click()
    await expect(page.locator("#weather-list li", has_text="Stripe repeats").locator(".struck")).to_have_text("18×")
    await expect(page.locator("#weather-list li", has_text="Callbacks").locator(".struck")).to_have_text(
        re.compile("[1-9]×")
    )
    await page.get_by_role("button", name="Fair weather again").click()
    await expect(page.locator("#weather-word")).to_have_text("Fair weather")


async def test_in_the_hand_one_of_three_views_is_shown(box: RunningSandbox, opened: Open) -> None:
    page = await opened(box.url, HAND)
    await page.locator("#lock-start").click()
    await expect(page.locator(".said .bubble").first).to_be_visible()
    await page.get_by_role("navigation").get_by_role("button", name="What became of it").click()
    await expect(page.locator(".rung").first).to_contain_text("sent")
    await expect(page.locator("#stage")).to_be_hidden()
    await page.get_by_role("navigation").get_by_role("button", name="Stories").click()
    await press(page, "renewal_paid")
    await expect(page.locator("#stage")).to_be_visible()


async def test_everything_can_be_done_from_the_keyboard(box: RunningSandbox, opened: Open) -> None:
    page = await opened(box.url, WIDE)
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="To the phone")).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(page.locator("#weather-open")).to_be_focused()
    await page.locator("#who").focus()
    for _ in range(4):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.dataset.story") == "renewal_fails":
            break
    focused = "getComputedStyle(document.activeElement)"
    assert await page.evaluate(f"{focused}.outlineStyle") == "solid"
    await page.keyboard.press("Enter")
    await expect(page.locator(".said .bubble").first).to_be_visible()
    await page.locator("#reply-words").focus()
    await page.keyboard.type("Who is this?")
    await page.keyboard.press("Enter")
    await expect(page.locator('.said[data-how="mine"] .bubble')).to_have_text("Who is this?")
    row = page.locator(".event").first
    await row.focus()
    await page.keyboard.press("Space")
    await expect(row).to_have_attribute("aria-expanded", "true")
    await expect(page.locator("#news")).to_contain_text("Ana Lopez’s phone. New text: Studio: your payment")
