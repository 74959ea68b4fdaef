// Puts the page together.

import { get, post } from "./api.js";
import * as became from "./became.js";
import * as call from "./call.js";
import * as clock from "./clock.js";
import { byId, icon, say, set } from "./dom.js";
import * as live from "./live.js";
import * as phone from "./phone.js";
import { state, watch } from "./store.js";
import * as stories from "./stories.js";
import * as weather from "./weather.js";

const narrow = matchMedia("(max-width: 979px)");

/** On a small screen one of three views is shown. */
function show(view) {
  set(document.body, "data-view", view);
  for (const button of document.querySelectorAll("[data-go]")) {
    set(button, "aria-current", button.dataset.go === view ? "page" : null);
  }
}

function afterStory() {
  became.expectNews();
  if (narrow.matches) show("phone");
}

/** Which event a text came of. */
async function why(sid) {
  try {
    const story = await get(`/page/story?sid=${encodeURIComponent(sid)}`);
    const shown = new Set(state.events.keys());
    const maker = story.events.find((event) => shown.has(event.event_id) && made(event.event_id)) ?? story.events.find((event) => shown.has(event.event_id));
    if (maker !== undefined) became.open(maker.event_id, { scroll: true });
    if (narrow.matches) show("became");
  } catch (error) {
    say(byId("news"), `Why this text came cannot be told: ${error.message}`);
    say(byId("reply-trouble"), error.message);
  }
}

async function beginAnew() {
  const note = byId("reset-note");
  try {
    await post("/sandbox/reset");
    say(note, "Begun anew. The services remember: their plans still come due, and who texted STOP gets nothing until they text START.");
    set(note, "data-bad", null);
  } catch (error) {
    say(note, `Not begun anew: ${error.message}`);
    set(note, "data-bad", true);
  }
}

const made = (id) => (state.fates.get(id)?.facts ?? []).some((fact) => fact.effect === "created");

function drawLink() {
  const words = { connecting: "Connecting …", live: "Live", lost: "The sandbox does not answer. Trying again …" };
  say(byId("link-words"), words[state.link]);
  set(byId("link"), "data-link", state.link);
  byId("lost").hidden = state.link !== "lost";
}

/** Signs of the buttons that stand in the page from the beginning. */
const SIGNS = {
  "#to-list": "back", "#reply-send": "up", "#call-decline span": "call", "#call-voicemail span": "mail", "#call-answer span": "call",
  "#call-end span": "call", "[data-go=stories] span": "stories", "[data-go=phone] span": "phone", "[data-go=became] span": "way",
};
for (const [where, name] of Object.entries(SIGNS)) document.querySelector(where).append(icon(name));
for (const button of document.querySelectorAll("[data-go]")) button.addEventListener("click", () => show(button.dataset.go));
byId("reset").addEventListener("click", () => void beginAnew());
for (const id of ["start-here", "lock-start"]) {
  byId(id).addEventListener("click", () => document.querySelector('[data-story="renewal_fails"]')?.click());
}
watch(["link"], drawLink);
show("phone");
clock.setup();
call.setup();
phone.setup(why);
stories.setup(afterStory);
became.setup(afterStory);
weather.setup();
live.start();
