// Moments in words, in the zone they are about.

const FORMATS = new Map();

function format(zone, options) {
  const key = zone + JSON.stringify(options);
  if (!FORMATS.has(key)) FORMATS.set(key, new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options }));
  return FORMATS.get(key);
}

/** 10:05 */
export const hourMinute = (at, zone) => format(zone, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(at);

/** Tuesday */
export const weekday = (at, zone) => format(zone, { weekday: "long" }).format(at);

/** 24 November 2026 */
export const fullDate = (at, zone) => format(zone, { day: "numeric", month: "long", year: "numeric" }).format(at);

/** Tuesday 24 November */
export const day = (at, zone) =>
  `${weekday(at, zone)} ${format(zone, { day: "numeric", month: "long" }).format(at)}`;

/** Tue 24 Nov, 10:05 */
export const short = (at, zone) =>
  `${format(zone, { weekday: "short" }).format(at)} ${format(zone, { day: "numeric", month: "short" }).format(at)}, ${hourMinute(at, zone)}`;

/** Today 10:05, or Fri 27 Nov, 10:05 */
export const near = (at, now, zone) => (sameDay(at, now, zone) ? hourMinute(at, zone) : short(at, zone));

const dayKey = (at, zone) => format(zone, { year: "numeric", month: "2-digit", day: "2-digit" }).format(at);
export const sameDay = (one, other, zone) => dayKey(one, zone) === dayKey(other, zone);

/** Hours of the day with their fraction: 13.5 is half past one. */
export function hourOfDay(at, zone) {
  const parts = format(zone, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).formatToParts(at);
  const of = (type) => Number(parts.find((part) => part.type === type)?.value ?? 0);
  return of("hour") + of("minute") / 60 + of("second") / 3600;
}

/** 2026-11-24T10:05, as an input of kind datetime-local wants it. */
export function inputValue(at, zone) {
  const parts = format(zone, {
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  }).formatToParts(at);
  const of = (type) => parts.find((part) => part.type === type)?.value ?? "";
  return `${of("year")}-${of("month")}-${of("day")}T${of("hour")}:${of("minute")}`;
}

/** New York */
export const placeOf = (zone) => zone.split("/").pop().replaceAll("_", " ");

/** "3 days later", "2 hours later"; empty below an hour. */
export function later(seconds) {
  const [count, unit] =
    seconds >= 86_400 ? [Math.round(seconds / 86_400), "day"] : [Math.round(seconds / 3_600), "hour"];
  return count < 1 ? "" : `${count} ${unit}${count === 1 ? "" : "s"} later`;
}
