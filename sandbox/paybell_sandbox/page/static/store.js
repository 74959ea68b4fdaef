// What the page knows, and who is told when it changes.

import { keep, recalled } from "./memory.js";

export const state = {
  link: "connecting", // to the sandbox: connecting, live, lost
  clock: null, // {offset_seconds, zone, movable, skew}
  people: [],
  colleagues: [],
  stories: [],
  messages: new Map(), // by SID, texts and calls
  events: new Map(), // Stripe's events by id, oldest first
  fates: new Map(), // what ingest-service says of an event, by its id
  runs: [], // stories that were run here, oldest first: {id, story, title, who, at, ids, events: [id], pending}
  console: { ok: null, error: "", why: "" }, // whether ingest-service tells
  senders: [], // numbers that texts come from, and that can be written to
  phone: null, // the number of the phone that is shown
  phones: [], // numbers
  who: "ana", // to whom the stories happen
  awaited: null, // the person whose phone is shown as soon as there is one
  open: null, // the id of the event whose way is shown
  faults: [],
  delivery: null,
};

const watchers = [];
let due = new Set();
let scheduled = false;

/** Calls `draw` whenever one of these topics changed, once for all changes of a moment. */
export function watch(topics, draw) {
  watchers.push([topics, draw]);
}

/** Says that something changed. */
export function changed(...topics) {
  for (const topic of topics) due.add(topic);
  if (scheduled) return;
  scheduled = true;
  queueMicrotask(() => {
    scheduled = false;
    const now = due;
    due = new Set();
    for (const [topics, draw] of watchers) if (topics.some((topic) => now.has(topic))) draw(now);
  });
}

/** Business time, to the millisecond. */
export const now = () => new Date(Date.now() + (state.clock?.ahead ?? 0));

export const zone = () => state.clock?.zone ?? "America/New_York";

const KEY = "paybell.runs";

/** Runs outlive a reload of the page. What another sandbox knew is left out when its events are not there. */
export const keepRuns = () => keep(KEY, JSON.stringify(state.runs.filter((run) => !run.pending)));

export function keptRuns() {
  try {
    const kept = JSON.parse(recalled(KEY) ?? "[]");
    return Array.isArray(kept) ? kept : [];
  } catch {
    return []; // something else stands there
  }
}
