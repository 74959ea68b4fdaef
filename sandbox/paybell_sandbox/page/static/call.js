// The call screen: it rings, is answered, speaks as captions, and takes keys.

import { post } from "./api.js";
import { byId, el, follow, icon, say, set } from "./dom.js";
import { pretty } from "./people.js";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const LETTERS = { 2: "ABC", 3: "DEF", 4: "GHI", 5: "JKL", 6: "MNO", 7: "PQRS", 8: "TUV", 9: "WXYZ", 0: "+" };

let current = null;
let answered = 0;
let ticking = 0;

export function setup() {
  byId("keypad").append(
    ...KEYS.map((key) =>
      el("button", { type: "button", class: "key", "aria-label": key === "*" ? "star" : key === "#" ? "hash" : key, onclick: () => press(key) },
        el("b", null, key), el("small", { "aria-hidden": "true" }, LETTERS[key] ?? ""))));
  const act = (id, path) => byId(id).addEventListener("click", () => void send(path));
  act("call-answer", "answer");
  act("call-decline", "decline");
  act("call-voicemail", "voicemail");
  act("call-end", "hang-up");
  byId("call").addEventListener("keydown", (event) => {
    if (KEYS.includes(event.key) && current?.status === "in-progress") press(event.key);
  });
}

/** Shows a call, or none. */
export function drawCall(call) {
  const screen = byId("call");
  const was = current;
  current = call ?? null;
  screen.hidden = current === null;
  if (current === null) {
    clearInterval(ticking);
    if (was !== null) answered = 0;
    return;
  }
  const talking = call.status === "in-progress";
  set(screen, "data-talking", talking);
  say(byId("call-from"), pretty(call.from));
  if (talking && !answered) {
    answered = Date.now();
    clearInterval(ticking);
    ticking = setInterval(tick, 1_000);
  }
  tick();
  byId("call-ringing").hidden = talking;
  byId("call-talking").hidden = !talking;
  follow(byId("captions"), (call.said ?? []).map((text, index) => ({ text, index })), (line) => line.index,
    (line) => el("li", null, line.text));
  byId("captions").lastElementChild?.scrollIntoView({ block: "nearest" });
  say(byId("pressed"), (call.pressed ?? []).join(" "));
  set(byId("keypad"), "data-listening", call.listening === true);
  // whoever writes elsewhere is not torn away: the ringing is announced, and takes the focus only on the phone
  if (document.activeElement !== document.body && !byId("screen").contains(document.activeElement)) return;
  if (was?.sid !== call.sid) byId("call-answer").focus({ preventScroll: true });
  else if (talking && was.status !== "in-progress") byId("keypad").firstElementChild.focus({ preventScroll: true });
}

function tick() {
  if (current === null) return;
  const seconds = Math.floor((Date.now() - answered) / 1_000);
  say(byId("call-state"), current.status === "in-progress"
    ? `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}` : "is calling …");
}

const press = (digit) => void send("press", { digits: digit });

async function send(act, body = {}) {
  if (current === null) return;
  try {
    await post(`/sandbox/calls/${current.sid}/${act}`, body);
  } catch (error) {
    say(byId("call-state"), error.message);
  }
}

/** The sign of a ringing phone, for its tab. */
export const ringing = () => icon("call", "rings");
