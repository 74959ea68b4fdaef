// Messages and calls of one phone, sorted into conversations. Pure.

const ON_ITS_WAY = new Set(["accepted", "scheduled", "queued", "sending"]);
const LOST = new Set(["failed", "undelivered"]);
const RINGING = new Set(["queued", "ringing", "in-progress"]);

const plain = (address) => (address ?? "").split(":").pop();
const mine = (thing) => thing.direction === "inbound";

/** The phone's own number. */
export const ownNumber = (thing) => plain(mine(thing) ? thing.from : thing.to);
const otherNumber = (thing) => plain(mine(thing) ? thing.to : thing.from);

/** How a thing lies on the phone: here, coming, lost (never arrived), mine, call. */
export function lying(thing) {
  if (thing.kind === "call") return "call";
  if (mine(thing)) return "mine";
  if (LOST.has(thing.status)) return "lost";
  return ON_ITS_WAY.has(thing.status) ? "coming" : "here";
}

/** The key of the conversation by text with a number. */
export const textsWith = (other) => `sms ${other}`;

/**
 * The conversations of a phone, the newest first: {key, other, channel, things: oldest first}. That with the sender is always
 * among them, empty as it may be: whoever texted STOP must be able to text START, whatever the sandbox has forgotten.
 */
export function threadsOf(things, number, sender) {
  const threads = new Map();
  if (sender !== undefined) threads.set(textsWith(sender), { key: textsWith(sender), other: sender, channel: "sms", things: [] });
  for (const thing of things) {
    if (ownNumber(thing) !== number) continue;
    const channel = thing.kind === "whatsapp" ? "whatsapp" : "sms";
    const key = `${channel} ${otherNumber(thing)}`;
    if (!threads.has(key)) threads.set(key, { key, other: otherNumber(thing), channel, things: [] });
    threads.get(key).things.push(thing);
  }
  for (const thread of threads.values()) thread.things.sort((one, other) => when(one) - when(other));
  const newest = (thread) => (thread.things.length > 0 ? when(thread.things.at(-1)) : 0);
  return [...threads.values()].sort((one, other) => newest(other) - newest(one));
}

/** When it came to the phone: when it was delivered, where that is known. */
export function when(thing) {
  const arrived = (thing.history ?? []).find((step) => step.status === "delivered" || step.status === "sent");
  return Date.parse(arrived?.business_at ?? thing.business_at);
}

/** The call that wants the whole screen of this phone. */
export const callNow = (things, number) =>
  things.find((thing) => thing.kind === "call" && ownNumber(thing) === number && RINGING.has(thing.status));

/** What a list of conversations says of the last thing. */
export function preview(thing) {
  if (thing === undefined) return "Nothing yet";
  if (thing.kind === "call") return callWords(thing);
  const how = lying(thing);
  if (how === "coming") return "…";
  return how === "lost" ? "A text did not arrive" : thing.body;
}

export function callWords(call) {
  switch (call.status) {
    case "no-answer":
      return "Missed call";
    case "busy":
      return "Call declined";
    case "canceled":
      return "Call cancelled";
    case "failed":
      return "Call failed";
    case "completed":
      return call.answered_by?.startsWith("machine") ? "Went to voicemail" : "Call";
    default:
      return "Calling";
  }
}

const LINK = /https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)]/g;

/** A text cut into words and links: [{text, link}]. */
export function cut(body) {
  const pieces = [];
  let last = 0;
  for (const found of body.matchAll(LINK)) {
    if (found.index > last) pieces.push({ text: body.slice(last, found.index), link: false });
    pieces.push({ text: found[0], link: true });
    last = found.index + found[0].length;
  }
  if (last < body.length) pieces.push({ text: body.slice(last), link: false });
  return pieces;
}
