// What the page asks of the sandbox. Every failure is a sentence that can be shown.

export class Refused extends Error {
  /** `why` is a word of the sandbox's (silent, not_connected, …) or empty. */
  constructor(message, status, why = "") {
    super(message);
    this.status = status;
    this.why = why;
  }
}

async function ask(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      cache: "no-store",
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Refused("The sandbox does not answer. Is `make run` still running?", 0, "sandbox");
  }
  let told = {};
  try {
    told = await answer.json();
  } catch {
    if (answer.ok) throw new Refused("The sandbox gave an answer that is no JSON.", answer.status);
  }
  if (!answer.ok) throw new Refused(told.error ?? `The sandbox answered ${answer.status}.`, answer.status, told.why);
  return told;
}

export const get = (path) => ask("GET", path);
export const post = (path, body = {}) => ask("POST", path, body);
export const put = (path, body) => ask("PUT", path, body);
