// The panel of stories: what can be made to happen, to whom, and what may happen next.

import { post } from "./api.js";
import { byId, el, follow, icon, say, set } from "./dom.js";
import { typeset } from "./ids.js";
import { numberOf, personBy } from "./people.js";
import { choose } from "./phone.js";
import { changed, keepRuns, now, state, watch } from "./store.js";

const FIRST = "renewal_fails";

export function setup(afterwards) {
  byId("who").addEventListener("change", (event) => {
    state.who = event.target.value;
    choose(numberOf(personBy(state.who)));
    changed("people");
  });
  watch(["stories", "people", "runs", "reset"], () => draw(afterwards));
}

function draw(afterwards) {
  drawWho();
  const groups = new Map();
  for (const story of state.stories) {
    if (story.follows) continue;
    if (!groups.has(story.group)) groups.set(story.group, []);
    groups.get(story.group).push(story);
  }
  byId("stories-empty").hidden = groups.size > 0;
  follow(byId("groups"), [...groups], ([name]) => name,
    ([name]) => el("details", { class: "group", open: groups.keys().next().value === name },
      el("summary", null, el("span", null, name), el("small"), icon("chevron")), el("ul", { role: "list" })),
    (node, [, stories]) => {
      say(node.querySelector("small"), String(stories.length));
      follow(node.querySelector("ul"), stories, (story) => story.name, (story) => storyItem(story, afterwards),
        (item, story) => updateItem(item, story, afterwards));
    });
}

function drawWho() {
  const select = byId("who");
  if (select.options.length !== state.people.length) {
    select.replaceChildren(...state.people.map((person) => el("option", { value: person.key }, `${person.name}, ${person.city}`)));
    select.value = state.who;
  }
  say(byId("who-about"), personBy(state.who)?.about ?? "");
}

function storyItem(story, afterwards) {
  return el("li", null,
    el("button", {
      type: "button", class: `story ${story.name === FIRST ? "first" : ""}`, "data-story": story.name,
      onclick: (event) => void run(story, {}, event.currentTarget, afterwards),
    }, el("b", null, typeset(story.title)), el("span", null, typeset(story.description))),
    el("div", { class: "next", hidden: true }));
}

function updateItem(item, story, afterwards) {
  const run_ = state.runs.findLast((one) => !one.pending && root(one).story === story.name);
  const newest = state.runs.findLast((one) => !one.pending);
  const box = item.querySelector(".next");
  const offered = run_ !== undefined && newest !== undefined && root(newest) === root(run_) ? followUps(newest) : [];
  box.hidden = offered.length === 0;
  if (offered.length > 0 && box.dataset.run !== newest.id) {
    box.dataset.run = newest.id;
    box.replaceChildren(el("p", null, "And then?"), followButtons(newest, offered, afterwards));
  }
}

/** The run that a chain of follow-ups began with. */
function root(one) {
  let found = one;
  while (found.after) {
    const before = state.runs.find((other) => other.id === found.after);
    if (before === undefined) break;
    found = before;
  }
  return found;
}

export function followUps(one) {
  const story = state.stories.find((other) => other.name === one.story);
  return (story?.follow_ups ?? []).map((name) => state.stories.find((other) => other.name === name)).filter(Boolean);
}

/** Buttons for what may happen after a run. */
export function followButtons(one, offered, afterwards) {
  return el("ul", { class: "follow-ups", role: "list" }, offered.map((story) =>
    el("li", null, el("button", {
      type: "button", class: "follow-up", "data-story": story.name, title: story.description,
      onclick: (event) => void run(story, { after: one }, event.currentTarget, afterwards),
    }, icon("forward"), el("span", null, typeset(story.title))))));
}

/** Plays a story; a follow-up goes on with the objects of the run before it. */
async function run(story, { after }, button, afterwards) {
  if (button.getAttribute("aria-busy") === "true") return;
  set(button, "aria-busy", "true");
  const given = {};
  for (const { name } of story.parameters) {
    if (after?.ids?.[name] !== undefined) given[name] = after.ids[name];
    else if (name === "customer" && state.who !== "ana" && after === undefined) given.customer = state.who;
  }
  const named = story.parameters.some(({ name }) => name === "customer") && after === undefined;
  const one = {
    id: `run ${Date.now()} ${state.runs.length}`, story: story.name, title: story.title, at: now().toISOString(), ids: {},
    events: [], pending: true, after: after?.id ?? null, afterTitle: after?.title ?? "", who: after ? after.who : named ? state.who : "",
  };
  state.runs.push(one);
  say(byId("stories-trouble"), "");
  try {
    const told = await post(`/sandbox/stories/${story.name}`, given);
    one.ids = { ...after?.ids, ...told.ids };
    one.events = told.events.map((event) => event.id);
    one.pending = false;
    keepRuns();
    state.awaited = one.who || null;
    changed("runs", "events", "phones");
    afterwards(one);
  } catch (error) {
    state.runs.splice(state.runs.indexOf(one), 1);
    say(byId("stories-trouble"), `“${story.title}” did not happen: ${error.message}`);
    changed("runs", "events");
  } finally {
    set(button, "aria-busy", null);
  }
}
