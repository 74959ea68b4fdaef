// Ids in sentences: short to the eye, whole when copied. Dates in sentences: in the page's zone.

import { el, say, set } from "./dom.js";
import { zone } from "./store.js";
import { short } from "./time.js";

const KINDS = "evt|in|pi|ch|py|re|cus|sub|si|prv|dp|du|cs|issfr|pm|price|prod|inpay|acct|plan";
const FOUND = new RegExp(
  `(?<![A-Za-z0-9_])(?:[a-z_]+:)?(?:${KINDS})_(?=[A-Za-z]*[0-9A-Z])[A-Za-z0-9]+(?:[:/][A-Za-z0-9_]+)*` + // evt_…, payment_failed:in_…:2, invoice:in_…/unpaid
    "|\\b(?:SM|MM|CA)[0-9a-f]{32}\\b|\\b[0-9a-f]{64}\\b|\\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}\\b" +
    "|\\b\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d UTC\\b",
  "g",
);

/** A sentence as nodes: ids become buttons that copy, dates are told in the page's zone. */
export function spoken(sentence) {
  const nodes = [];
  let last = 0;
  for (const found of sentence.matchAll(FOUND)) {
    // a bracket or full stop stays on the line of its id
    const [before] = /[(“]?$/.exec(sentence.slice(last, found.index));
    const [after] = /^[).,;:]*/.exec(sentence.slice(found.index + found[0].length));
    nodes.push(typeset(sentence.slice(last, found.index - before.length)));
    const node = found[0].endsWith(" UTC") ? date(found[0]) : idButton(found[0]);
    nodes.push(before || after ? el("span", { class: "held" }, before, node, after) : node);
    last = found.index + found[0].length + after.length;
  }
  nodes.push(typeset(sentence.slice(last)));
  return nodes.filter((node) => node !== "");
}

/** Straight quotation marks as a typesetter would put them. */
export const typeset = (text) =>
  text.replace(/"([^"]*)"/g, "“$1”").replace(/(\p{L})'(?=\p{L})/gu, "$1’");

function date(words) {
  const at = new Date(`${words.slice(0, 16).replace(" ", "T")}:00Z`);
  return el("time", { datetime: at.toISOString(), title: words }, short(at, zone()));
}

/** in_1S3f…x9Qa: the middle of long parts left out. */
export function brief(id) {
  return id.replace(/[A-Za-z0-9-]{15,}/g, (part) => `${part.slice(0, 4)}…${part.slice(-4)}`);
}

export function idButton(id) {
  const words = el("span", null, brief(id));
  const button = el("button", { type: "button", class: "id", title: `${id}: copy`, "aria-label": `Copy ${id}` }, words);
  button.addEventListener("click", () => void copy(id, button, words));
  return button;
}

/** Every id that a line rests on, with its name. */
export function idRow(ids) {
  const named = Object.entries(ids).filter(([name, value]) => value !== "" && name !== "stage");
  return named.length === 0 ? null : el("dl", { class: "ids" }, named.map(([name, value]) =>
    el("div", null, el("dt", null, name.replaceAll("_", " ")), el("dd", null, idButton(String(value))))));
}

async function copy(id, button, words) {
  try {
    await navigator.clipboard.writeText(id);
    say(words, "Copied");
  } catch {
    say(words, id); // no clipboard here: the whole id stands there to be taken by hand
    return;
  }
  set(button, "data-copied", true);
  setTimeout(() => {
    say(words, brief(id));
    set(button, "data-copied", null);
  }, 1_200);
}
