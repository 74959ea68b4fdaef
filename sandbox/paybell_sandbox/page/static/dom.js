// Elements from data. Text is always a text node: nothing that arrives is ever read as HTML.

import { PATHS } from "./icons.js";

const SVG = "http://www.w3.org/2000/svg";

/** An element. `props` are attributes, `class`, `on…` listeners; false, null and undefined leave an attribute out. */
export function el(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else set(node, name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Sets an attribute only where it changes, so that nothing restarts or is read out again for nothing. */
export function set(node, name, value) {
  if (value === false || value === null || value === undefined) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value === true ? "" : value)) {
    node.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Sets the text only where it changes. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A drawn sign. It says nothing to a screen reader: words beside it do. */
export function icon(name, more = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", `icon ${more}`.trim());
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name] ?? PATHS.dot);
  svg.append(path);
  return svg;
}

/**
 * Children that follow a list. Each item keeps its node by its key, so focus, scroll and open parts stay where they are.
 * `make(item)` gives a node; `update(node, item)` brings it up to date.
 */
export function follow(parent, items, key, make, update = () => {}) {
  const known = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    let node = known.get(name);
    known.delete(name);
    if (node === undefined) {
      node = make(item);
      node.dataset.key = name;
    }
    update(node, item);
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  for (const node of known.values()) node.remove();
}

export const byId = (id) => document.getElementById(id);

export const wantsLessMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
