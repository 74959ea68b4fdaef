// What became of an event, in a word and a tone. Pure.

/**
 * @returns {{kind: string, tone: string, word: string, icon: string, why: string}} tone: made, joined, plain, quiet, warn, bad, open
 */
export function fateOf(event, told, telling) {
  if (told !== undefined) return toldFate(told);
  const answers = event.deliveries ?? [];
  if (answers.some((one) => one.answer >= 200 && one.answer < 300)) {
    return telling
      ? fate("taken", "open", "Taken", "inbox", "It is on disk and waits to be read.")
      : fate("taken", "plain", "Taken", "inbox", "ingest-service took it; what became of it cannot be seen yet.");
  }
  const bad = answers.at(-1);
  if (bad === undefined) return fate("underway", "open", "On its way", "clock", "");
  if (bad.error?.startsWith("lost")) return fate("lost", "warn", "Lost on the way", "cross", bad.error);
  const why = bad.answer === null ? `No answer (${bad.error ?? "nothing heard"}).` : `The webhook answered ${bad.answer}.`;
  return fate("refused", "bad", "Not taken", "cross", `${why} Stripe will try again.`);
}

function toldFate(told) {
  const why = told.became ?? "";
  switch (told.state) {
    case "received":
      return fate("received", "open", "Being read", "clock", why);
    case "ignored":
      return fate("ignored", "quiet", "Ignored", "dot", why);
    case "set_aside":
      return fate("set_aside", "warn", "Set aside", "stop", why);
    default:
  }
  const all = told.facts ?? [];
  const facts = all.filter((fact) => fact.state !== "dropped");
  if (facts.length === 0 && all.length > 0) {
    return fate("dropped", "quiet", "Told by others", "join", all.find((fact) => fact.reason)?.reason ?? why);
  }
  const made = facts.filter((fact) => fact.effect === "created");
  if (made.length > 0) {
    const held = made.find((fact) => fact.state === "held" || fact.state === "looking_up");
    if (held !== undefined) return fate("held", "made", "Fact, held a moment", "clock", why);
    return fate("made", "made", made.length === 1 ? "Made a fact" : `Made ${made.length} facts`, "fact", why);
  }
  if (facts.length > 0) return fate("joined", "joined", "Joined a fact", "join", why);
  if ((told.settles ?? []).length > 0) return fate("settles", "joined", "Settled a matter", "check", why);
  return fate("noted", "quiet", "Noted", "dot", why);
}

const fate = (kind, tone, word, icon, why) => ({ kind, tone, word, icon, why });

/** Every message that these events led to, once each, as their plans have them. */
export function messagesOf(fates) {
  const found = new Map();
  for (const told of fates) {
    const messages = (told?.messages ?? []).toSorted((one, other) => one.number - other.number);
    for (const message of messages) found.set(message.request_id, message);
  }
  return [...found.values()];
}

/** A message's state: how loud, in which word. */
export function standing(message, dueWords) {
  const why = plainReason(message.reason);
  switch (message.state) {
    case "waiting":
      return { tone: "wait", icon: "clock", word: dueWords || "waits", why: why || "due" };
    case "frozen":
    case "submitted":
      return { tone: "go", icon: "attempt", word: "on its way", why: "" };
    case "sent":
      return { tone: "sent", icon: "check", word: "sent", why: "" };
    case "suppressed":
      return { tone: "bad", icon: "stop", word: "not sent", why };
    case "failed":
      return { tone: "bad", icon: "cross", word: "failed", why };
    case "rejected":
      return { tone: "bad", icon: "cross", word: "rejected", why };
    case "expired":
      return { tone: "bad", icon: "clock", word: "too late", why };
    case "cancelled":
      return { tone: "off", icon: "cross", word: "cancelled", why };
    case "skipped":
      return { tone: "off", icon: "forward", word: "skipped", why };
    default:
      return { tone: "wait", icon: "dot", word: message.state, why };
  }
}

const REASONS = {
  opted_out: "the recipient has opted out",
  no_usable_number: "there is no usable number",
  no_channel_allowed: "no channel is allowed",
  no_consent: "no consent is on record",
  country_not_allowed: "the policy does not allow this country",
  settled: "the matter is settled",
};

/** A reason in words; what is a sentence already stays. */
export function plainReason(reason) {
  if (!reason) return "";
  return REASONS[reason] ?? (reason.includes(" ") ? reason : reason.replaceAll("_", " "));
}
