// One conversation on the phone: bubbles as they arrive.

import { el, follow, icon, say, set, wantsLessMotion } from "./dom.js";
import { zoneOf } from "./people.js";
import { callWords, cut, lying, when } from "./threads.js";
import { day, hourMinute, sameDay } from "./time.js";

const NUMBERS = {
  21610: "the recipient has opted out", 30003: "the handset is off", 30005: "the number does not exist any more",
  30006: "it is a landline", 30007: "the carrier filtered it", 30008: "the carrier gives no reason",
};

/** Draws the conversation; `why(sid)` is called when somebody asks why a text came. */
export function drawThread(list, thread, number, why) {
  const zone = zoneOf(number);
  const rows = [];
  let before = null;
  for (const thing of thread.things) {
    const at = when(thing);
    if (before === null || !sameDay(before, at, zone)) rows.push({ key: `day ${thing.sid}`, day: day(at, zone) });
    else if (at - before > 3_600_000) rows.push({ key: `gap ${thing.sid}`, day: hourMinute(at, zone) });
    before = at;
    rows.push({ key: thing.sid, thing, zone });
  }
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80 || list.dataset.thread !== thread.key;
  const fresh = list.dataset.thread === thread.key && list.dataset.number === number;
  list.dataset.thread = thread.key;
  list.dataset.number = number;
  const length = list.children.length;
  follow(list, rows, (row) => row.key, (row) => make(row, fresh, why), update);
  if (atEnd) {
    const smooth = fresh && length !== list.children.length && !wantsLessMotion();
    list.scrollTo({ top: list.scrollHeight, behavior: smooth ? "smooth" : "instant" });
  }
}

function make(row, fresh, why) {
  if (row.thing === undefined) return el("li", { class: "day" }, el("span", null, row.day));
  const node = el("li", { class: `said ${fresh ? "fresh" : ""}` });
  node.asked = () => why(row.thing.sid);
  return node;
}

function update(node, row) {
  if (row.thing === undefined) {
    say(node.firstElementChild, row.day);
    return;
  }
  const { thing, zone } = row;
  const how = lying(thing);
  const drawn = `${how} ${thing.body} ${thing.status} ${thing.error_code}`;
  if (node.dataset.drawn === drawn) return;
  const arrives = node.dataset.drawn?.startsWith("coming") && how === "here";
  node.dataset.drawn = drawn;
  set(node, "data-how", how);
  if (arrives) node.classList.add("arrives");
  node.replaceChildren(...contents(thing, how, zone, node.asked));
}

function contents(thing, how, zone, asked) {
  const time = el("time", { datetime: thing.business_at }, hourMinute(when(thing), zone));
  const whyButton = el("button", { type: "button", class: "why", onclick: asked }, "Why this text?");
  switch (how) {
    case "call":
      return [el("p", { class: "call-note" }, icon("call"), el("span", null, callWords(thing)), time)];
    case "coming":
      return [el("p", { class: "bubble typing", "aria-label": "A text is on its way" }, el("i"), el("i"), el("i"))];
    case "lost": {
      const reason = NUMBERS[thing.error_code] ?? thing.status;
      return [
        el("p", { class: "bubble" }, ...words(thing.body)),
        el("p", { class: "meta" }, icon("cross"), el("span", null, `Never arrived: ${reason}`), thing.error_code ? el("span", null, `(${thing.error_code})`) : null),
      ];
    }
    case "mine":
      return [el("p", { class: "bubble" }, ...words(thing.body)), el("p", { class: "meta" }, time)];
    default:
      return [
        el("p", { class: "bubble" }, ...words(thing.body)),
        el("p", { class: "meta" }, time, thing.direction === "outbound-reply" ? el("span", null, "answer") : whyButton),
      ];
  }
}

function words(body) {
  return cut(body).map((piece) =>
    piece.link
      ? el("a", { href: piece.text, target: "_blank", rel: "noopener noreferrer" }, piece.text)
      : document.createTextNode(piece.text));
}
