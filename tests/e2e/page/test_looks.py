"""How the page looks and reads: sizes, contrast, names, landmarks, and nothing from elsewhere."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from paybell_sandbox.app import RunningSandbox
from tests.e2e.page.conftest import HAND, LAPTOP, WIDE, Open
from tests.e2e.page.test_page import press

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONTRAST = """() => {
  const channel = value => { const share = value / 255; return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4 };
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const rgba = colour => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255] };
  const over = (top, below) => top.slice(0, 3).map((value, index) => value * top[3] + below[index] * (1 - top[3]));
  const stage = getComputedStyle(document.getElementById('stage'));
  const sky = ['--sky-top'].map(name => rgba(stage.getPropertyValue(name)).slice(0, 3));
  const behind = node => {  // what a text stands on: one colour, or several where it is a gradient
    const layers = [];
    for (let at = node; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (at.matches('.call')) return layers.reduceRight((below, layer) => below.map(one => over(layer, one)), [[42, 51, 80], [20, 24, 39]]);
      if (at.matches('.screen[data-screen=locked], .stage')) return layers.reduceRight((below, layer) => below.map(one => over(layer, one)), sky);
      const colour = rgba(style.backgroundColor);
      if (colour[3] === 1) return layers.reduceRight((below, layer) => below.map(one => over(layer, one)), [colour.slice(0, 3)]);
      if (colour[3] > 0) layers.push(colour);
    }
    return [[255, 255, 255]];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !node.checkVisibility({opacityProperty: true, visibilityProperty: true}) || node.closest('.unseen, option, .key small, button:disabled')) continue;
    const style = getComputedStyle(node);
    const size = parseFloat(style.fontSize);
    const needed = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    for (const ground of behind(node)) {
      const ink = over(rgba(style.color), ground);
      const [low, high] = [luminance(ink), luminance(ground)].sort((one, other) => one - other);
      const ratio = (high + 0.05) / (low + 0.05);
      if (ratio < needed) found.push(`${ratio.toFixed(2)} ${node.className || node.id || node.tagName}: ${walker.currentNode.textContent.trim().slice(0, 40)}`);
    }
  }
  return found;
}"""

NAMELESS = """() => [...document.querySelectorAll('button, input, select, a[href], summary, [role=tab], [role=switch]')]
  .filter(node => node.checkVisibility())
  .filter(node => !(node.getAttribute('aria-label') || node.textContent.trim() || node.labels?.length || node.title))
  .map(node => node.outerHTML.slice(0, 90))"""

WIDER = """() => [...document.querySelectorAll('body *')].filter(node => node.checkVisibility() && !node.closest('.sky, .unseen, .tabs, svg'))
  .filter(node => { const box = node.getBoundingClientRect(); return box.width > 0 && (box.right > innerWidth + 1 || box.left < -1) })
  .map(node => node.className || node.id || node.tagName)"""


async def after_some_days(page: Page) -> None:
    """A story moved through, with a text, a reply, an opened way, and something that was not sent."""
    await press(page, "renewal_fails")
    await expect(page.locator(".rung").first).to_contain_text("sent")
    await expect(page.locator("#bubbles")).to_be_visible()
    await page.evaluate("document.getElementById('next-step').click()")
    await expect(page.locator(".rung").nth(1)).to_contain_text("sent")
    await page.evaluate("document.querySelector('[data-reply=STOP]').click()")
    await expect(page.locator(".said").last).to_contain_text("unsubscribed")
    await press(page, "renewal_fails")
    await expect(page.locator('.rung[data-tone="bad"]').first).to_be_attached()


async def move(page: Page, to: str) -> None:
    await page.evaluate(
        "to => fetch('/sandbox/clock', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({to})})",
        to,
    )
    await expect(page.locator("#clock-hour")).to_have_text(to[-5:])


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_word_has_the_contrast_that_wcag_asks_for(box: RunningSandbox, opened: Open, scheme: str) -> None:
    page = await opened(box.url, WIDE, color_scheme=scheme)
    assert await page.evaluate(CONTRAST) == []
    await after_some_days(page)
    day = (await page.locator("#clock-time").get_attribute("datetime") or "")[:4]
    assert day
    poor: dict[str, Any] = {}
    for hour in ("17:30", "19:00", "22:00"):
        await move(page, f"{int(day) + 1 + ('17:30', '19:00', '22:00').index(hour)}-06-01T{hour}")
        await expect(page.locator(".run").first).to_be_visible()
        poor[hour] = await page.evaluate(CONTRAST)
    assert poor == {hour: [] for hour in poor}


async def test_words_on_the_sky_can_be_read_at_every_minute_of_the_day(box: RunningSandbox, opened: Open) -> None:
    page = await opened(box.url)
    worst = await page.evaluate(
        """async () => {
          const {colours, luminance, paint} = await import('/page/static/sky.js');
          const stage = document.createElement('div');
          let worst = 99;
          for (const dark of [false, true]) for (let minute = 0; minute < 1440; minute += 1) {
            paint(stage, minute / 60, dark);
            const behind = luminance(colours(minute / 60, dark)[0]);
            const words = stage.dataset.words === 'light' ? 1 : luminance([0, 0, 0]);
            worst = Math.min(worst, (Math.max(words, behind) + 0.05) / (Math.min(words, behind) + 0.05));
          }
          return worst;
        }"""
    )
    assert worst >= 4.5
    # and they all stand where the sky has this colour: on its upper 24 of 100
    lowest = await page.evaluate("document.querySelector('.moves').getBoundingClientRect().bottom / innerHeight")
    assert lowest < 0.24


@pytest.mark.parametrize("size", [WIDE, LAPTOP, HAND, (820, 1180), (320, 640)], ids=str)
async def test_nothing_is_cut_off_at_any_size(box: RunningSandbox, opened: Open, size: tuple[int, int]) -> None:
    page = await opened(box.url, size)
    await move(page, "2031-06-04T10:00")  # a Wednesday: no day has a longer name
    views = ["stories", "phone", "became"] if size[0] < 640 else ["became", "stories"] if size[0] < 980 else [""]
    if views != [""]:
        await page.locator('[data-go="stories"]').click()
    await press(page, "renewal_fails")
    await expect(page.locator("#reply-words")).to_be_in_viewport(ratio=1)
    for view in views:
        if view:
            await page.locator(f'[data-go="{view}"]').click()
        assert await page.evaluate(WIDER) == [], view
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_whoever_hears_the_page_finds_everything_by_name(box: RunningSandbox, opened: Open) -> None:
    page = await opened(box.url, WIDE)
    await after_some_days(page)
    assert await page.evaluate(NAMELESS) == []
    assert (
        await page.evaluate(
            "() => { const ids = [...document.querySelectorAll('[id]')].map(node => node.id); return ids.filter((id, place) => ids.indexOf(id) !== place) }"
        )
        == []
    )
    assert (
        await page.evaluate(
            "() => [...document.querySelectorAll('[aria-controls], [aria-describedby], [aria-labelledby]')].flatMap(node => ['aria-controls', 'aria-describedby', 'aria-labelledby'].map(name => node.getAttribute(name)).filter(Boolean)).filter(id => !document.getElementById(id))"
        )
        == []
    )
    for role, name in (
        ("region", "Make something happen"),
        ("region", "The phone and its clock"),
        ("region", "What became of it"),
    ):
        await expect(page.get_by_role(role, name=name, exact=True)).to_be_visible()  # type: ignore[arg-type]
    await expect(page.get_by_role("main")).to_be_visible()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Paybell sandbox")
    assert await page.locator("#news").get_attribute("aria-live") == "polite"


async def test_targets_are_large_enough_for_a_thumb(box: RunningSandbox, opened: Open) -> None:
    """WCAG 2.2, 2.5.8: 24 by 24, but for links within a sentence."""
    page = await opened(box.url, HAND, has_touch=True)
    await page.locator("#lock-start").click()
    await expect(page.locator(".said .bubble").first).to_be_visible()
    small = await page.evaluate(
        """() => [...document.querySelectorAll('button, input, select')].filter(node => node.checkVisibility() && !node.matches('.id, .why'))
          .map(node => [node.getBoundingClientRect(), node.id || node.className])
          .filter(([box]) => box.height < 24 || box.width < 24).map(([box, name]) => `${name} ${box.width}×${box.height}`)"""
    )
    assert small == []


async def test_less_motion_means_none(box: RunningSandbox, opened: Open) -> None:
    page = await opened(box.url, reduced_motion="reduce")
    await press(page, "renewal_fails")
    await expect(page.locator(".said .bubble").first).to_be_visible()
    assert await page.evaluate("document.getAnimations().filter(one => one.playState === 'running').length") == 0
