// Keeps what the page knows in step with the sandbox and with ingest-service.

import { Refused, get } from "./api.js";
import { changed, keepRuns, keptRuns, state } from "./store.js";
import { numberOf, personBy, plain } from "./people.js";

const STEADY_MS = 8_000;
const SOON_MS = [120, 500, 1_200, 2_500, 5_000];

/** Loads everything, then follows the feed; after a break it loads everything again. */
export function start() {
  state.runs = keptRuns();
  follow();
  steady();
}

let feed = null;
let again = 0;

function follow() {
  feed = new EventSource("/sandbox/feed");
  feed.addEventListener("open", () => {
    state.link = "live";
    changed("link");
    void loadAll();
  });
  feed.addEventListener("error", () => {
    state.link = "lost";
    changed("link");
    // the browser tries again by itself, but not after an answer that was no feed
    if (feed.readyState === EventSource.CLOSED) setTimeout(follow, 3_000);
  });
  const on = (kind, take) => feed.addEventListener(kind, (event) => take(JSON.parse(event.data)));
  on("message", takeMessage);
  on("call", takeMessage);
  on("event", takeEvent);
  on("delivery", takeDelivery);
  on("clock", () => void followed(() => loadClock().then(refreshSoon)));
  on("fault", () => void followed(loadWeather));
  on("reset", () => void forget());
}

async function loadAll() {
  await followed(async () => {
    const [people, stories, numbers, messages, events] = await Promise.all([
      get("/sandbox/stripe/people"), get("/sandbox/stories"), get("/sandbox/numbers"), get("/sandbox/messages"),
      get("/sandbox/stripe/events?limit=300"), loadClock(), loadWeather(),
    ]);
    state.people = people.people;
    state.colleagues = people.colleagues;
    state.stories = stories.stories;
    state.senders = numbers.senders.filter((sender) => sender.startsWith("+"));
    state.messages = new Map(messages.messages.map((message) => [message.sid, message]));
    state.events = new Map(events.events.toReversed().map((event) => [event.id, event]));
    state.runs = state.runs.filter((run) => run.pending || run.events.some((id) => state.events.has(id)));
    for (const message of state.messages.values()) knowPhone(message);
    knowDefault();
    changed("people", "stories", "messages", "events", "runs", "phones", "loaded");
    refreshSoon();
    if (feed.readyState === EventSource.OPEN && state.link !== "live") {
      state.link = "live";
      changed("link");
    }
  });
}

/** Loads something that nobody pressed a button for. Where the sandbox does not answer the page says so, and loads all of it later. */
async function followed(load) {
  try {
    await load();
  } catch (error) {
    state.link = "lost";
    changed("link");
    if (!(error instanceof Refused)) throw error;
    clearTimeout(again);
    again = setTimeout(() => void loadAll(), 2_000);
  }
}

export async function loadClock() {
  const clock = await get("/sandbox/clock");
  state.clock = { ...clock, ahead: Date.parse(clock.now) - Date.now() };
  changed("clock");
}

export async function loadWeather() {
  const [faults, delivery] = await Promise.all([get("/sandbox/faults"), get("/sandbox/stripe/delivery")]);
  state.faults = faults.rules;
  state.delivery = delivery;
  changed("weather");
}

/** The first person's phone is always there, and that of the person to whom the stories happen. */
function knowDefault() {
  const first = numberOf(personBy("ana"));
  if (first !== null && !state.phones.includes(first)) state.phones.unshift(first);
  knowNumber(numberOf(personBy(state.who)));
  state.phone ??= numberOf(personBy(state.who)) ?? first;
}

/** The customer's number of a message or call. */
export const customerOf = (message) => plain(message.direction === "inbound" ? message.from : message.to);

const knowPhone = (message) => knowNumber(customerOf(message));

function knowNumber(number) {
  if (number === null || state.phones.includes(number)) return;
  state.phones.push(number);
  changed("phones");
}

function takeMessage(message) {
  state.messages.set(message.sid, message);
  knowPhone(message);
  changed("messages");
  refreshSoon();
}

function takeEvent(event) {
  state.events.set(event.id, event);
  const pending = state.runs.find((run) => run.pending);
  if (pending !== undefined) pending.events.push(event.id);
  changed("events");
  refreshSoon();
}

function takeDelivery(delivery) {
  const event = state.events.get(delivery.event);
  if (event === undefined) return;
  const { event: _, ...attempt } = delivery;
  event.deliveries.push(attempt);
  changed("events");
  refreshSoon();
}

async function forget() {
  state.runs = [];
  state.fates = new Map();
  state.open = null;
  keepRuns();
  state.phones = [];
  state.phone = null;
  await loadAll();
  changed("reset");
}

// ---------------------------------------------------------------------------------------------------------- the fates

let timers = [];
let asking = false;
let last = "";

/** What became of the events changes for a while after anything happens: asks now, and at growing gaps. */
export function refreshSoon() {
  for (const timer of timers) clearTimeout(timer);
  timers = SOON_MS.map((gap) => setTimeout(() => void refresh(), gap));
}

function steady() {
  setTimeout(() => {
    if (document.visibilityState === "visible") void refresh();
    steady();
  }, state.console.ok === false ? 2_000 : STEADY_MS);
}

async function refresh() {
  if (asking) return;
  asking = true;
  try {
    const { events } = await get("/page/events?limit=200");
    const now = JSON.stringify(events);
    const news = now !== last || state.console.ok !== true;
    last = now;
    state.console = { ok: true, error: "", why: "" };
    if (news) {
      for (const event of events) state.fates.set(event.event_id, event); // older ones are beyond the limit, not gone
      changed("fates");
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    state.console = { ok: false, error: error.message, why: error.why ?? "" };
    changed("fates");
  } finally {
    asking = false;
  }
}
