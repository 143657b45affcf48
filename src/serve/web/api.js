// Requests to the server, and the events that it pushes.

const tokenName = "larder-token";

// The address that `larder serve` prints ends in "#token=…": kept for this tab, and taken out of
// what the address bar shows.
export function takeToken() {
  const found = /[#&]token=([!-~]+)/.exec(location.hash);
  if (!found) return;
  sessionStorage.setItem(tokenName, found[1]);
  history.replaceState(null, "", location.pathname + "#/");
}

export const hasToken = () => sessionStorage.getItem(tokenName) !== null;

function headers() {
  const token = sessionStorage.getItem(tokenName);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

export class Failure extends Error {
  constructor({ what, remedy, code }) {
    super(remedy ? `${what}: ${remedy}` : what);
    this.code = code;
  }
}

async function answerOf(response) {
  const json = await response.json().catch(() => null);
  if (response.ok && json) return json;
  throw new Failure(json?.error ?? { what: `the server answered ${response.status}`, code: "http" });
}

export async function get(path) {
  return answerOf(await fetch(`/api/v1/${path}`, { headers: headers() }));
}

export async function post(path, body = {}) {
  return answerOf(await fetch(`/api/v1/${path}`, {
    method: "POST",
    headers: { ...headers(), "Content-Type": "application/json" },
    body: JSON.stringify(body),
  }));
}

// Calls `handle(name, data)` for every event, and `state(connected)`; asks again after a break.
// Not an EventSource, which cannot send the token.
export async function listen(handle, state) {
  let pause = 500;
  for (;;) {
    try {
      const response = await fetch("/api/v1/events", { headers: headers() });
      if (!response.ok) {
        await answerOf(response);
      }
      state(true);
      pause = 500;
      await readEvents(response.body.pipeThrough(new TextDecoderStream()).getReader(), handle);
      state(false);
    } catch (failure) {
      state(false, failure);
      if (failure.code === "token") return;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 2, 10000);
  }
}

async function readEvents(reader, handle) {
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const lines = text.slice(0, end).split("\n");
      text = text.slice(end + 2);
      const field = (name) => lines.find((line) => line.startsWith(name))?.slice(name.length);
      const event = field("event: ");
      if (event) handle(event, JSON.parse(field("data: ")));
    }
  }
}
