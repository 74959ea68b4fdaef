// Whose phone a number is, and what time it is where that person lives.

import { state, zone } from "./store.js";

const ZONES = {
  DE: "Europe/Berlin", JP: "Asia/Tokyo", KW: "Asia/Kuwait", FR: "Europe/Paris", ES: "Europe/Madrid",
  BR: "America/Sao_Paulo", GB: "Europe/London",
};
const STATES = { WA: "America/Los_Angeles", ME: "America/New_York", NY: "America/New_York" };

/** An address without its channel: whatsapp:+1… is +1…. */
export const plain = (address) => (address ?? "").split(":").pop();

export function personOf(number) {
  return state.people.find((person) => person.number !== null && person.number === plain(number));
}

export const personBy = (key) => state.people.find((person) => person.key === key);

/** The number of a person's phone; null where they have none. */
export const numberOf = (person) => person?.number ?? null;

const teamOf = (number) => state.colleagues.find((team) => team.number === plain(number));

export const nameOf = (number) => (personOf(number) ?? teamOf(number))?.name ?? pretty(number);

export const firstName = (number) => nameOf(number).split(/ (?=\p{L})/u)[0];

/** The zone of a phone: that of the clock, but for people who live elsewhere. */
export function zoneOf(number) {
  const person = personOf(number);
  if (person === undefined) return zone();
  return ZONES[person.country] ?? STATES[person.state] ?? zone();
}

/** +1 415 555 0100 */
export function pretty(number) {
  const plainNumber = plain(number);
  const american = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(plainNumber);
  if (american) return `+1 ${american[1]} ${american[2]} ${american[3]}`;
  const other = /^\+(\d{2})(\d{2,4})(\d{3,4})(\d{2,})$/.exec(plainNumber);
  return other ? `+${other.slice(1).join(" ")}` : plainNumber;
}
