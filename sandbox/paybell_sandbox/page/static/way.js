// The whole way of one event as a timeline in plain sentences, from Stripe to the carrier.

import { get } from "./api.js";
import { el, icon, say, set } from "./dom.js";
import { idRow, spoken } from "./ids.js";
import { keep, recalled } from "./memory.js";
import { changed, now, state, watch, zone } from "./store.js";
import { day, hourMinute, sameDay } from "./time.js";

const WORDS = {
  event: "Event", fact: "Fact", rule: "Rule", step: "Message", question: "Question", answer: "Answer", cancel: "End of the matter", intake: "Request", gate: "Gates", template: "Words",
  attempt: "Attempt", receipt: "Carrier", reply: "Reply", outcome: "Told back", operator: "Operator", ending: "Outcome",
};
const MARKS = { passed: "check", stopped: "cross", deferred: "clock", open: "ring" };
const SPOKEN = { passed: "passed", stopped: "stopped", deferred: "put off", open: "not over yet" };

const IDS = "paybell.ids";

const kept = new Map(); // by event: {for: what it was asked for, story, error}
let showIds = recalled(IDS) === "yes";

watch(["reset"], () => kept.clear());

const ENDS = new Set(["suppressed", "cancelled", "expired", "held", "handed_back"]);

function stageOf(line) {
  if (line.where !== "notify") return line.where;
  return line.ids.stage === "gate" && ENDS.has(line.name) ? "ending" : line.ids.stage ?? "intake";
}

export function drawWay(box, event, told, fate) {
  // asked again whenever what became of it, or a text on the phone, changed
  const asked = JSON.stringify([told, [...state.messages.values()].map((message) => [message.sid, message.status, message.deliveries.length])]);
  const have = kept.get(event.id);
  if (told !== undefined && have?.asked !== asked) {
    kept.set(event.id, { ...have, asked });
    void load(event.id);
  }
  const drawn = JSON.stringify([have?.story?.lines, have?.error, fate, showIds, zone(), have?.story?.lines.filter((line) => Date.parse(line.at) > now()).length]);
  const mark = box.querySelector(".now span");
  if (mark !== null) say(mark, nowWords());
  if (box.dataset.drawn === drawn) return;
  box.dataset.drawn = drawn;
  if (have?.story) box.replaceChildren(...timeline(have.story, event));
  else if (told === undefined) box.replaceChildren(el("p", { class: "way-note" }, withoutStory(fate)));
  else if (have?.error) box.replaceChildren(el("p", { class: "way-note", "data-bad": true }, have.error));
  else box.replaceChildren(el("p", { class: "way-note", role: "status" }, "Asking ingest-service and notify-service …"));
}

const withoutStory = (fate) =>
  fate.why || (fate.kind === "underway" ? "Stripe is posting it." : "ingest-service has not told what became of it yet.");

async function load(id) {
  try {
    const story = await get(`/page/story?event=${encodeURIComponent(id)}`);
    kept.set(id, { ...kept.get(id), story, error: "" });
  } catch (error) {
    kept.set(id, { ...kept.get(id), error: error.message });
  }
  changed("open");
}

function timeline(story, event) {
  const sections = grouped(story.lines, event.id);
  const at = now();
  const rows = [];
  let before = null;
  let come = false;
  for (const section of sections) {
    const moment = new Date(section.at);
    if (!come && moment > at && moment - at > 1_000) {
      come = true;
      rows.push(el("li", { class: "now" }, el("span", null, nowWords())));
      if (!sameDay(at, moment, zone())) rows.push(dayRow(moment));
    } else if (before !== null && !sameDay(before, moment, zone())) rows.push(dayRow(moment));
    else if (before === null && !sameDay(at, moment, zone())) rows.push(dayRow(moment));
    rows.push(drawSection(section, before, come));
    before = moment;
  }
  const bad = stopped(story);
  return [
    bad.length === 0 ? null : el("div", { class: "loud", role: "note" }, icon("stop"),
      el("div", null, bad.map((words) => el("p", null, spoken(words))))),
    story.notify === "asked" ? null : el("p", { class: "way-note" }, icon("clock"), ` notify-service ${story.notify === "not asked" ? "was not asked" : story.notify}: its part is missing here.`),
    el("div", { class: "way-tools" },
      el("span", null, spoken(event.id)),
      el("label", { class: "check" }, idsSwitch(), "Show all ids")),
    el("ol", { class: "line", role: "list" }, rows),
  ].filter(Boolean);
}

const nowWords = () => `Now, ${hourMinute(now(), zone())}`;

function idsSwitch() {
  const box = el("input", { type: "checkbox", checked: showIds });
  box.addEventListener("change", () => {
    showIds = box.checked;
    keep(IDS, showIds ? "yes" : "no");
    changed("open");
  });
  return box;
}

/** Sentences on what was not sent or failed: said first. */
function stopped(story) {
  const steps = story.plans.flatMap((plan) => plan.steps);
  return steps.filter((step) => ["suppressed", "failed", "rejected", "expired"].includes(step.state)).map((step) => step.sentence);
}

const RANK = { event: 0, fact: 1, rule: 2, step: 3, question: 4, answer: 5, cancel: 6, notify: 7 };

/** An event that came late is still told before the fact it tells of. */
function inOrder(lines) {
  const first = lines.filter((line) => line.where === "event").map((line) => line.at).sort()[0] ?? "";
  const at = (line) => (line.where === "fact" || line.where === "rule") && line.at < first ? first : line.at;
  const second = (line) => at(line).slice(0, 19);
  return lines.map((line) => ({ ...line, at: at(line) }))
    .sort((one, other) => second(one).localeCompare(second(other)) || RANK[one.where] - RANK[other.where] || one.at.localeCompare(other.at));
}

/** Lines of one stage that follow each other are one section; other events of the same fact are folded away. */
function grouped(lines, eventId) {
  const sections = [];
  for (const line of inOrder(lines)) {
    const stage = stageOf(line);
    const last = sections.at(-1);
    const minute = line.at.slice(0, 16);
    const same = last?.stage === stage && stage !== "step" && last.about === (line.ids.notification ?? "");
    if (same && (stage === "event" || last.at.slice(0, 16) === minute)) last.lines.push(line);
    else sections.push({ stage, at: line.at, about: line.ids.notification ?? "", lines: [line] });
  }
  for (const section of sections) {
    if (section.stage !== "event") continue;
    const own = section.lines.filter((line) => line.ids.event === eventId);
    section.others = own.length === 0 ? section.lines.slice(1) : section.lines.filter((line) => line.ids.event !== eventId);
    section.lines = own.length === 0 ? section.lines.slice(0, 1) : own;
  }
  return sections;
}

function drawSection(section, before, coming) {
  const at = new Date(section.at);
  const verdict = worst(section.lines);
  const sameMinute = before !== null && hourMinute(before, zone()) === hourMinute(at, zone()) && sameDay(before, at, zone());
  const label = section.lines.length === 1 && section.stage === "attempt" ? capital(section.lines[0].name) : WORDS[section.stage] ?? capital(section.stage);
  const node = el("li", { class: "stage-row", "data-verdict": verdict, "data-stage": section.stage, "data-coming": coming },
    el("time", { datetime: section.at }, sameMinute ? "" : hourMinute(at, zone())),
    el("span", { class: "node" }, icon(iconOf(section, verdict))),
    el("div", { class: "told" }, el("h4", null, label, el("span", { class: "unseen" }, ` (${SPOKEN[verdict]})`)),
      section.lines.length === 1 ? sentenceOf(section.lines[0]) : el("ul", { role: "list" }, section.lines.map((line) =>
        el("li", { "data-verdict": line.verdict }, icon(MARKS[line.verdict] ?? "dot"), el("div", null, sentenceOf(line, section.stage === "gate"))))),
      section.others?.length > 0 ? others(section.others) : null));
  set(node, "aria-label", null);
  return node;
}

function others(lines) {
  return el("details", { class: "others" },
    el("summary", null, `and ${lines.length} more event${lines.length === 1 ? "" : "s"} of the same story`),
    el("ul", { role: "list" }, lines.map((line) => el("li", { "data-verdict": line.verdict }, icon("dot"), el("div", null, sentenceOf(line))))));
}

function sentenceOf(line, named = false) {
  return [
    el("p", null, named ? el("b", { class: "gate-name" }, `${capital(line.name.replaceAll("_", " "))}.`) : null, ...spoken(line.sentence)),
    showIds ? idRow(line.ids) : null,
  ].filter(Boolean);
}

const dayRow = (at) => el("li", { class: "day-row" }, el("span", null, day(at, zone())));

const capital = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);

function worst(lines) {
  for (const verdict of ["stopped", "deferred", "open"]) if (lines.some((line) => line.verdict === verdict)) return verdict;
  return "passed";
}

function iconOf(section, verdict) {
  if (verdict === "stopped" && ["gate", "step", "attempt", "receipt", "ending"].includes(section.stage)) return "stop";
  if (verdict === "deferred") return "clock";
  return section.stage === "event" ? "inbox" : section.stage === "cancel" ? "stop" : section.stage;
}
