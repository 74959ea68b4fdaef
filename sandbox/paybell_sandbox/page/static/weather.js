// The weather between us and the vendors: what goes wrong on purpose, and how often it has.

import { put } from "./api.js";
import { byId, el, follow, icon, say, set } from "./dom.js";
import { loadWeather } from "./live.js";
import { popover } from "./popover.js";
import { changed, state, watch } from "./store.js";

const TWILIO = [
  { key: "slow", title: "Twilio is slow", words: "Each text takes three seconds to be accepted.", rule: { operation: "messages.create", act: "slow", seconds: 3 } },
  { key: "500_after", title: "Twilio fails after accepting", words: "It takes the text, and answers 500. Was it sent?", rule: { operation: "messages.create", act: "500_after" } },
  { key: "lose", title: "Callbacks are lost", words: "No word ever comes of what became of a text.", rule: { operation: "callback", act: "lose" } },
];
const STRIPE = [
  { key: "repeats", title: "Stripe repeats itself", words: "Every event is posted three times.", on: { repeats: 3 }, off: { repeats: 1 } },
  { key: "reorder", title: "Stripe mixes up the order", words: "Events overtake each other by up to two seconds.", on: { reorder_window_ms: 2_000 }, off: { reorder_window_ms: 0 } },
];
const ALL = [...TWILIO, ...STRIPE];

const matches = (rule, wanted) => rule.side === "twilio" && rule.operation === wanted.operation && rule.act === wanted.act;
const ruleOf = (one) => state.faults.find((rule) => matches(rule, one.rule));

function isOn(one) {
  if (one.rule) return ruleOf(one) !== undefined;
  const [[name, usual]] = Object.entries(one.off);
  return state.delivery !== null && state.delivery[name] !== usual;
}

/** How often it struck. Stripe's repeats are seen in the deliveries. */
function count(one) {
  if (one.rule) return ruleOf(one)?.fired ?? 0;
  const events = [...state.events.values()];
  if (one.key === "repeats") return events.reduce((sum, event) => sum + Math.max(0, event.deliveries.length - 1), 0);
  const arrived = events.filter((event) => event.deliveries.length > 0).map((event) => event.deliveries[0].at);
  return arrived.filter((at, place) => place > 0 && at < Math.max(...arrived.slice(0, place))).length;
}

export function setup() {
  popover(byId("weather-open"), byId("weather-panel"), () => void change(() => {}));
  byId("weather-calm").addEventListener("click", () => void change(calm));
  watch(["weather", "events"], draw);
}

function draw() {
  const active = ALL.filter(isOn);
  say(byId("weather-word"), active.length === 0 ? "Fair weather" : active.length === 1 ? active[0].title : `${active.length} things go wrong`);
  byId("weather-icon").replaceChildren(icon(active.length === 0 ? "sun" : "storm"));
  set(byId("weather-open"), "data-rough", active.length > 0);
  set(byId("stage"), "data-rough", active.length > 0);
  byId("weather-calm").hidden = active.length === 0;
  follow(byId("weather-list"), ALL, (one) => one.key, (one) => {
    const box = el("input", { type: "checkbox", role: "switch", id: `weather-${one.key}`, "aria-describedby": `weather-${one.key}-words` });
    box.addEventListener("change", () => void turn(one, box.checked));
    return el("li", null, el("label", { for: box.id }, el("b", null, one.title), el("span", { id: `weather-${one.key}-words` }, one.words)),
      el("span", { class: "struck" }), box);
  }, (node, one) => {
    node.querySelector("input").checked = isOn(one);
    const times = isOn(one) ? count(one) : 0;
    say(node.querySelector(".struck"), isOn(one) ? `${times}×` : "");
    set(node.querySelector(".struck"), "title", isOn(one) ? `It has happened ${times} time${times === 1 ? "" : "s"}` : null);
  });
}

const turn = (one, on) => change(async () => {
  if (one.rule) {
    const rest = state.faults.filter((rule) => !matches(rule, one.rule)).map(({ fired: _, ...rule }) => rule);
    await put("/sandbox/faults", { rules: on ? [...rest, { side: "twilio", ...one.rule }] : rest });
  } else await put("/sandbox/stripe/delivery", on ? one.on : one.off);
});

async function calm() {
  await put("/sandbox/faults", { rules: [] });
  await put("/sandbox/stripe/delivery", { repeats: 1, reorder_window_ms: 0 });
}

/** Changes the weather and shows what it then is, or why it is not known. */
async function change(how) {
  let trouble = "";
  try {
    await how();
  } catch (error) {
    trouble = error.message;
  }
  try {
    await loadWeather();
  } catch (error) {
    trouble ||= error.message;
  }
  say(byId("weather-trouble"), trouble);
  changed("weather");
}
