// What became of it: the runs with their events, each event's fate, and the messages that came of them.

import { byId, el, follow, icon, say, set, wantsLessMotion } from "./dom.js";
import { fateOf, messagesOf, standing } from "./fates.js";
import { typeset } from "./ids.js";
import { personBy } from "./people.js";
import { changed, now, state, watch, zone } from "./store.js";
import { followButtons, followUps } from "./stories.js";
import { near } from "./time.js";
import { drawWay } from "./way.js";

let chosen = false; // somebody opened or closed an event: nothing is opened by itself until the next story

export function setup(afterwards) {
  watch(["events", "fates", "runs", "stories", "open", "reset", "loaded"], () => draw(afterwards));
}

/** Opens an event's way; `byHand` where somebody asked for it. */
export function open(id, { byHand = true, scroll = false } = {}) {
  chosen = byHand;
  state.open = id;
  changed("open");
  if (scroll && id !== null) {
    queueMicrotask(() => document.querySelector(`[data-event="${CSS.escape(id)}"]`)?.scrollIntoView({ block: "start" }));
  }
}

/** A new story ran: its fact may open by itself. */
export function expectNews() {
  chosen = false;
  state.open = null;
  changed("open");
  byId("runs").parentElement.scrollTo({ top: 0, behavior: wantsLessMotion() ? "instant" : "smooth" });
}

/** Runs and, between them, events that no story of this page made; the newest first. */
function groups() {
  const owned = new Map();
  for (const run of state.runs) for (const id of run.events) owned.set(id, run);
  const found = [];
  const byRun = new Map();
  for (const event of state.events.values()) {
    const run = owned.get(event.id);
    const key = run?.id ?? "by itself";
    let group = run === undefined ? nearby(found.at(-1), event) : byRun.get(key);
    if (group === undefined) {
      group = { key: run?.id ?? `itself ${event.id}`, run, events: [] };
      found.push(group);
      if (run !== undefined) byRun.set(key, group);
    }
    group.events.push(event);
  }
  return found.reverse();
}

/** The group of events without a story that this one belongs to: they were made within seconds of each other. */
const nearby = (group, event) =>
  group !== undefined && group.run === undefined && event.created - group.events.at(-1).created <= 3 ? group : undefined;

function draw(afterwards) {
  const trouble = state.console.ok === false;
  byId("console-trouble").hidden = !trouble;
  say(byId("console-words"), state.console.error);
  byId("console-hint").hidden = state.console.why !== "silent";
  byId("became-empty").hidden = state.events.size > 0 || state.link === "connecting";
  openByItself();
  follow(byId("runs"), groups(), (group) => group.key, (group) => makeRun(group), (node, group) => updateRun(node, group, afterwards));
}

/** The event that made the newest story's fact is the one to look at. */
function openByItself() {
  if (chosen || state.open !== null) return;
  const newest = state.runs.at(-1);
  if (newest === undefined || newest.pending) return;
  const telling = newest.events.find((id) => {
    const told = state.fates.get(id);
    return (told?.messages ?? []).length > 0 && told.facts.some((fact) => fact.effect === "created");
  });
  if (telling !== undefined) state.open = telling;
}

function makeRun({ run }) {
  const title = typeset(run?.title ?? "Happened elsewhere");
  return el("article", { class: "run", "aria-label": title },
    el("header", null, el("h3", null, title), el("p", { class: "run-meta" })),
    el("ul", { class: "ladder", role: "list" }),
    el("ul", { class: "events", role: "list" }),
    el("footer", { hidden: true }));
}

function updateRun(node, { run, events }, afterwards) {
  const at = run === undefined ? new Date(events[0].created * 1_000) : new Date(run.at);
  const who = personBy(run?.who)?.name;
  const facts = new Set(events.flatMap((event) => (state.fates.get(event.id)?.facts ?? []).filter((fact) => fact.state !== "dropped").map((fact) => fact.fact_key)));
  const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
  const parts = [near(at, now(), zone()), who, run?.afterTitle ? `after “${run.afterTitle}”` : "", count(events.length, "event"),
    state.console.ok ? count(facts.size, "fact") : ""];
  say(node.querySelector(".run-meta"), parts.filter(Boolean).join(" · "));
  drawLadder(node.querySelector(".ladder"), events);
  follow(node.querySelector(".events"), events, (event) => event.id, makeEvent, updateEvent);
  const offered = run && !run.pending ? followUps(run) : [];
  const footer = node.querySelector("footer");
  footer.hidden = offered.length === 0;
  if (offered.length > 0 && footer.childElementCount === 0) {
    footer.append(el("p", null, "And then?"), followButtons(run, offered, afterwards));
  }
}

function drawLadder(list, events) {
  const messages = messagesOf(events.map((event) => state.fates.get(event.id)));
  list.hidden = messages.length === 0;
  follow(list, messages, (message) => message.request_id, () => el("li", { class: "rung" }), (node, message) => {
    const due = message.due_at ? near(new Date(message.due_at), now(), zone()) : "";
    const stands = standing(message, due);
    const many = messages.filter((other) => other.flow === message.flow).length > 1;
    const to = message.recipient === "customer" ? "the customer" : message.recipient.replace("team:", "team ");
    const drawn = JSON.stringify([stands, many]);
    if (node.dataset.drawn === drawn) return;
    node.dataset.drawn = drawn;
    set(node, "data-tone", stands.tone);
    node.replaceChildren(...[
      el("span", { class: "mark" }, icon(stands.icon)),
      el("span", { class: "rung-words" }, el("b", null, many ? `Text ${message.number}` : `Text to ${to}`), el("span", null, stands.tone === "wait" ? el("span", { class: "unseen" }, "due ") : null, stands.word)),
      stands.why && stands.tone === "bad" ? el("p", { class: "rung-why" }, sentence(stands.why)) : null,
    ].filter(Boolean));
  });
}

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

function makeEvent(event) {
  const row = el("button", { type: "button", class: "event", "data-event": event.id, "aria-expanded": "false", "aria-controls": `way ${event.id}`.replaceAll(" ", "-"),
    onclick: () => open(state.open === event.id ? null : event.id) },
    icon("chevron", "turn"), el("span", { class: "type" }, event.type), el("span", { class: "posts" }), el("span", { class: "fate" }));
  const way = el("div", { class: "way", id: `way ${event.id}`.replaceAll(" ", "-"), hidden: true });
  return el("li", null, row, way);
}

function updateEvent(node, event) {
  const told = state.fates.get(event.id);
  const fate = fateOf(event, told, state.console.ok === true);
  const row = node.querySelector(".event");
  const chip = row.querySelector(".fate");
  set(node, "data-tone", fate.tone);
  if (chip.dataset.drawn !== fate.kind + fate.word) {
    chip.dataset.drawn = fate.kind + fate.word;
    chip.replaceChildren(icon(fate.icon), el("span", null, fate.word));
  }
  set(chip, "title", fate.why);
  const posts = event.deliveries.filter((one) => one.answer !== null).length;
  say(row.querySelector(".posts"), posts > 1 ? `${posts}×` : "");
  set(row.querySelector(".posts"), "title", posts > 1 ? `Stripe posted it ${posts} times` : null);
  const isOpen = state.open === event.id;
  set(row, "aria-expanded", String(isOpen));
  set(node, "data-open", isOpen);
  const way = node.querySelector(".way");
  way.hidden = !isOpen;
  if (isOpen) drawWay(way, event, told, fate);
}
