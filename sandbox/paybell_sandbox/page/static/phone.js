// The phone: its tabs, status bar, lock screen, conversations and reply box.

import { post } from "./api.js";
import { drawCall, ringing } from "./call.js";
import { onTick, shownTime } from "./clock.js";
import { byId, el, follow, icon, say, set } from "./dom.js";
import { firstName, nameOf, personOf, pretty, zoneOf } from "./people.js";
import { changed, state, watch } from "./store.js";
import { drawThread } from "./thread.js";
import { callNow, lying, ownNumber, preview, textsWith, threadsOf, when } from "./threads.js";
import { day, hourMinute, near } from "./time.js";

const LOOK_MS = 1_700; // how long the first text stands on the locked screen before its conversation opens

const screens = new Map(); // of each phone: "locked", "list", or the key of a conversation
const seen = new Map(); // of each phone: how many things were looked at
const heard = new Set(); // texts that were read out

export function setup(why) {
  watch(["messages", "phones", "people", "reset", "clock"], (topics) => {
    if (topics.has("reset")) for (const one of [screens, seen, heard]) one.clear();
    follows();
    announce(topics.has("loaded"));
    draw(why);
  });
  onTick(drawTime);
  byId("to-list").addEventListener("click", () => show("list", why));
  byId("lock-write").addEventListener("click", () => {
    show(textsWith(state.senders[0]), why);
    byId("reply-words").focus();
  });
  byId("phone-tabs").addEventListener("keydown", alongTheTabs);
  byId("reply").addEventListener("submit", (event) => {
    event.preventDefault();
    void reply(byId("reply-words").value);
  });
  for (const chip of document.querySelectorAll("[data-reply]")) {
    chip.addEventListener("click", () => void reply(chip.dataset.reply));
  }
}

/** Turns the page to another phone, which may be one that nothing has come to yet. */
export function choose(number) {
  if (number === null || state.phone === number) return;
  if (!state.phones.includes(number)) state.phones.push(number);
  state.phone = number;
  changed("phones");
}

/** Turns to the phone of whoever the last story happened to, once there is one. */
function follows() {
  const number = state.awaited && state.phones.find((one) => personOf(one)?.key === state.awaited);
  if (!number) return;
  state.awaited = null;
  state.phone = number;
}

const threads = (number = state.phone) => threadsOf(state.messages.values(), number, state.senders[0]);
const arrivals = (number) =>
  [...state.messages.values()].filter((thing) => ownNumber(thing) === number && lying(thing) === "here");

function show(screen, why) {
  screens.set(state.phone, screen);
  draw(why);
}

function draw(why) {
  drawTabs();
  drawTime();
  if (state.phone === null) return;
  const all = threads();
  const call = callNow([...state.messages.values()], state.phone);
  drawCall(call);
  const screen = chooseScreen(all, why);
  byId("locked").hidden = screen !== "locked";
  byId("list").hidden = screen !== "list";
  byId("conversation").hidden = screen === "locked" || screen === "list";
  set(byId("screen"), "data-screen", call ? "call" : screen === "locked" || screen === "list" ? screen : "conversation");
  if (screen === "locked") drawLocked(all);
  else if (screen === "list") drawList(all, why);
  else drawConversation(all.find((thread) => thread.key === screen), why);
  seen.set(state.phone, arrivals(state.phone).length);
}

/** What was chosen; otherwise the lock screen until something came, then the conversation. */
function chooseScreen(every, why) {
  const chosen = screens.get(state.phone);
  if (chosen === "list" || every.some((thread) => thread.key === chosen)) return chosen;
  const all = every.filter((thread) => thread.things.length > 0);
  if (all.length === 0) {
    screens.set(state.phone, "locked");
    return "locked";
  }
  if (chosen === undefined) {
    screens.set(state.phone, all[0].key); // something was there before anybody looked at this phone
    return all[0].key;
  }
  const first = all[0].things.some((thing) => lying(thing) !== "coming");
  if (first && byId("locked").dataset.opening !== all[0].key) {
    byId("locked").dataset.opening = all[0].key;
    const number = state.phone;
    setTimeout(() => {
      byId("locked").dataset.opening = "";
      screens.set(number, all[0].key);
      draw(why);
    }, LOOK_MS);
  }
  return "locked";
}

function drawTabs() {
  const several = state.phones.length > 1;
  byId("phone-tabs").hidden = !several;
  set(byId("screen"), "role", several ? "tabpanel" : null);
  set(byId("screen"), "aria-labelledby", several ? `tab-${state.phone}` : null);
  follow(byId("phone-tabs"), several ? state.phones : [], (number) => number,
    (number) => el("button", {
      type: "button", role: "tab", class: "tab", id: `tab-${number}`, "aria-controls": "screen",
      onclick: () => choose(number),
    }), (tab, number) => {
      const here = number === state.phone;
      const news = here ? 0 : arrivals(number).length - (seen.get(number) ?? 0);
      const rings = callNow([...state.messages.values()], number) !== undefined;
      set(tab, "aria-selected", String(here));
      set(tab, "tabindex", here ? "0" : "-1");
      set(tab, "title", `${nameOf(number)}, ${pretty(number)}`);
      const drawn = `${firstName(number)} ${news} ${rings}`;
      if (tab.dataset.drawn === drawn) return;
      tab.dataset.drawn = drawn;
      tab.replaceChildren(...[
        el("span", null, firstName(number)),
        rings ? ringing() : null,
        news > 0 ? el("span", { class: "badge" }, String(news), el("span", { class: "unseen" }, " new")) : null,
      ].filter(Boolean));
    });
}

function alongTheTabs(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const place = state.phones.indexOf(state.phone);
  const next = state.phones[(place + step + state.phones.length) % state.phones.length];
  choose(next);
  queueMicrotask(() => byId(`tab-${next}`)?.focus());
}

function drawTime() {
  if (state.phone === null) return;
  const zone = zoneOf(state.phone);
  say(byId("bar-time"), hourMinute(shownTime(), zone));
  say(byId("lock-hour"), hourMinute(shownTime(), zone));
  say(byId("lock-day"), day(shownTime(), zone));
}

function drawLocked(all) {
  const first = all[0]?.things.findLast((thing) => lying(thing) === "here" || thing.kind === "call");
  byId("banner").hidden = first === undefined;
  byId("lock-hint").hidden = byId("lock-start").hidden = first !== undefined;
  byId("lock-write").hidden = first !== undefined || all.length === 0;
  say(byId("lock-hint"), `${firstName(state.phone)}’s phone. Let a payment fail, and watch what arrives.`);
  if (first !== undefined) {
    say(byId("banner-from"), pretty(all[0].other));
    say(byId("banner-words"), preview(first));
  }
}

function drawList(all, why) {
  say(byId("list-owner"), nameOf(state.phone));
  follow(byId("list-threads"), all, (thread) => thread.key,
    (thread) => {
      const node = el("li", null, el("button", { type: "button", class: "thread", onclick: () => show(thread.key, why) },
        el("span", { class: "face" }, icon("bell")), el("b"), el("time"), el("span", { class: "preview" })));
      return node;
    }, (node, thread) => {
      const latest = thread.things.at(-1);
      say(node.querySelector("b"), pretty(thread.other) + (thread.channel === "whatsapp" ? " · WhatsApp" : ""));
      say(node.querySelector("time"), latest ? near(when(latest), shownTime(), zoneOf(state.phone)) : "");
      say(node.querySelector(".preview"), preview(latest));
    });
}

function drawConversation(thread, why) {
  say(byId("other"), pretty(thread.other));
  say(byId("other-kind"), thread.channel === "whatsapp" ? "WhatsApp" : "Text message");
  drawThread(byId("bubbles"), thread, state.phone, why);
}

async function reply(words) {
  const text = words.trim();
  const thread = threads().find((one) => one.key === screens.get(state.phone));
  if (!text || thread === undefined) return;
  const mark = thread.channel === "whatsapp" ? "whatsapp:" : "";
  try {
    await post("/sandbox/inbound", { from: mark + state.phone, to: mark + thread.other, body: text });
    byId("reply-words").value = "";
    say(byId("reply-trouble"), "");
  } catch (error) {
    say(byId("reply-trouble"), error.message);
  }
}

/** Reads new texts out, once each. */
function announce(silently) {
  for (const thing of state.messages.values()) {
    const how = lying(thing);
    if (heard.has(thing.sid) || how === "coming" || how === "mine" || how === "lost") continue;
    heard.add(thing.sid);
    if (silently) continue;
    const words = thing.kind === "call" ? "A call is ringing" : `New text: ${thing.body}`;
    say(byId("news"), `${nameOf(ownNumber(thing))}’s phone. ${words}`);
  }
}
