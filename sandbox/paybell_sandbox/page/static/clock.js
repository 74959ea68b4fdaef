// The clock over the phone: business time, and the buttons that move it.

import { post } from "./api.js";
import { byId, el, icon, say, set, wantsLessMotion } from "./dom.js";
import { loadClock, refreshSoon } from "./live.js";
import { zoneOf } from "./people.js";
import { hide, popover } from "./popover.js";
import { paint } from "./sky.js";
import { now, state, watch, zone } from "./store.js";
import { fullDate, hourMinute, hourOfDay, inputValue, later, placeOf, weekday } from "./time.js";

const RUN_MS = 1_500; // a move of the clock runs through the hours between, sky included
const dark = matchMedia("(prefers-color-scheme: dark)");

let shown = null; // the moment that the page shows: behind business time while the hands run
let running = 0;
const listeners = [];

/** The moment shown, for the phone's own clock. */
export const shownTime = () => shown ?? now();
export const onTick = (draw) => listeners.push(draw);

export function setup() {
  byId("next-step").addEventListener("click", () => void move({ next_step: true }, "next-step"));
  byId("plus-hour").addEventListener("click", () => void move({ advance_seconds: 3_600 }, "plus-hour"));
  byId("plus-day").addEventListener("click", () => void move({ advance_seconds: 86_400 }, "plus-day"));
  popover(byId("to-open"), byId("to-panel"), fillTo);
  byId("to-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (byId("to-input").value) void move({ to: byId("to-input").value }, "to-open");
    hide(byId("to-panel"));
  });
  watch(["clock"], run);
  watch(["phones", "messages"], draw);
  watch(["link"], () => {
    const lost = state.link === "lost";
    if (lost) note("The sandbox does not answer. Trying again …", true);
    else if (byId("clock-note").dataset.bad !== undefined) note("");
  });
  dark.addEventListener("change", draw);
  setInterval(() => running || state.clock === null || (shown = now(), draw()), 1_000);
}

function run() {
  set(byId("clock"), "aria-busy", null);
  for (const id of ["next-step", "plus-hour", "plus-day", "to-open"]) byId(id).disabled = !state.clock.movable;
  if (!state.clock.movable) note("The clock follows the machine: no service is connected that could be moved.");
  const from = shown;
  const gap = from === null ? 0 : now() - from;
  cancelAnimationFrame(running);
  running = 0;
  if (from === null || Math.abs(gap) < 60_000 || wantsLessMotion() || document.hidden) {
    shown = now();
    draw();
    return;
  }
  const began = performance.now();
  const hands = (at) => {
    const share = Math.min(1, Math.max(0, (at - began) / RUN_MS));
    const eased = share < 0.5 ? 4 * share ** 3 : 1 - (-2 * share + 2) ** 3 / 2;
    shown = new Date(from.getTime() + gap * eased);
    running = share < 1 ? requestAnimationFrame(hands) : 0;
    if (!running) shown = now();
    draw();
  };
  running = requestAnimationFrame(hands);
}

function draw() {
  if (state.clock === null) return;
  const at = shownTime();
  const time = byId("clock-time");
  say(byId("clock-day"), weekday(at, zone()));
  say(byId("clock-hour"), hourMinute(at, zone()));
  set(time, "datetime", at.toISOString());
  const there = state.phone === null ? zone() : zoneOf(state.phone);
  const elsewhere = there === zone() ? "" : ` · ${hourMinute(at, there)} in ${placeOf(there)}`;
  say(byId("clock-place"), `${placeOf(zone())} · ${fullDate(at, zone())}${elsewhere}`);
  paint(byId("stage"), hourOfDay(at, there), dark.matches);
  for (const listener of listeners) listener();
}

async function move(where, button) {
  const node = byId(button);
  if (node.getAttribute("aria-busy") === "true") return;
  set(node, "aria-busy", "true");
  const before = now();
  try {
    const told = await post("/sandbox/clock", where);
    await loadClock();
    if (told.moved === false) note(`Not moved: ${told.reason}.`);
    else {
      const gap = later((now() - before) / 1_000);
      note(where.next_step ? `${gap ? `${gap}: something` : "Something"} was due at ${hourMinute(now(), zone())}.` : `${gap || "Moved"}.`);
    }
    refreshSoon();
  } catch (error) {
    note(`The clock was not moved: ${error.message}`, true);
  } finally {
    set(node, "aria-busy", null);
  }
}

let fading = 0;

function note(text, bad = false) {
  const node = byId("clock-note");
  clearTimeout(fading);
  say(node, text);
  set(node, "data-bad", bad);
  if (!bad && state.clock?.movable) fading = setTimeout(() => say(node, ""), 6_000);
}

function fillTo(panel) {
  const at = now();
  const today = inputValue(at, zone()).slice(0, 10);
  const ahead = (days) => inputValue(new Date(at.getTime() + days * 86_400_000), zone()).slice(0, 10);
  const tonight = hourOfDay(at, zone()) < 22 ? `${today}T22:00` : `${ahead(1)}T22:00`;
  const choices = [
    [hourOfDay(at, zone()) < 22 ? "Tonight, 22:00" : "Tomorrow night, 22:00", tonight],
    ["Tomorrow, 08:00", `${ahead(1)}T08:00`],
    ["In three days, 10:00", `${ahead(3)}T10:00`],
    ["In a week, 10:00", `${ahead(7)}T10:00`],
  ];
  byId("to-choices").replaceChildren(
    ...choices.map(([words, to]) =>
      el("button", { type: "button", class: "choice", onclick: () => { hide(panel); void move({ to }, "to-open"); } },
        icon("clock"), el("span", null, words))));
  byId("to-input").value = `${ahead(1)}T10:00`;
  byId("to-input").min = inputValue(at, zone());
}
