// The state that all pages share: the page that is shown, the larder as it is known, and events.

import { get, hasToken, listen, takeToken } from "./api.js";
import { showCare } from "./care.js";
import { emptyState, h, icon } from "./dom.js";
import { showEntries } from "./entries.js";
import { modelName } from "./format.js";
import { showModel } from "./model.js";
import { showOverview } from "./overview.js";
import { showSettings } from "./settings.js";

const main = document.getElementById("main");
const feedLength = 40;
const betweenReadings = 1500;

// The larder, as far as it has been read. Pages receive it, and are told of changes.
const larder = {
  overview: null,
  job: null,
  entries: [],
  feed: [],  // what happened while this page was open, the newest first
  canAct: () => hasToken() && larder.overview !== null && !larder.overview.read_only &&
    larder.overview.writable,
};

let page = null;  // { changed(what) } of the page that is shown
let readVersion = 0;
let reading = null;

function addToFeed(kind, entry, text) {
  larder.feed.unshift({ at: new Date(), kind, key: entry.key, text });
  larder.feed.length = Math.min(larder.feed.length, feedLength);
}

// The differences from the previous reading, for the feed.
function compare(before, after) {
  const old = new Map(before.map((entry) => [entry.key, entry]));
  for (const entry of after) {
    const was = old.get(entry.key);
    const name = `${modelName(entry.model)} on ${entry.device}`;
    if (!was) {
      addToFeed("added", entry, `${name} was compiled and kept`);
    } else if (entry.hits > was.hits) {
      const times = entry.hits - was.hits;
      addToFeed("used", entry, `${name} was loaded${times > 1 ? ` ${times} times` : ""}`);
    } else if (entry.pinned !== was.pinned) {
      addToFeed("changed", entry, `${name} was ${entry.pinned ? "pinned" : "unpinned"}`);
    }
    old.delete(entry.key);
  }
  for (const entry of old.values()) {
    addToFeed("removed", entry, `${modelName(entry.model)} on ${entry.device} was removed`);
  }
}

async function readEntries() {
  const version = larder.overview.version;
  const { entries } = await get("entries");
  if (readVersion > 0) compare(larder.entries, entries);
  larder.entries = entries;
  readVersion = version;
  page?.changed("entries");
}

// No more often than the eye follows, however often the larder changes.
function readSoon() {
  if (reading !== null || document.hidden) return;
  reading = (async () => {
    try {
      while (readVersion !== larder.overview.version) {
        await readEntries();
        await new Promise((resolve) => setTimeout(resolve, betweenReadings));
      }
    } catch {
      // The stream of events says that the server is gone.
    } finally {
      reading = null;
    }
  })();
}

function receive(event, data) {
  if (event === "state") {
    const isFirst = larder.overview === null;
    larder.overview = data;
    larder.job = data.job;
    if (isFirst) route();
    else page?.changed("overview");
    readSoon();
  } else if (event === "job") {
    larder.job = data;
    page?.changed("job");
  }
}

function showConnection(connected, failure = null) {
  const live = document.getElementById("live");
  live.className = `live ${connected ? "on" : "off"}`;
  live.replaceChildren(connected ? "Live" : "Not connected");
  if (!connected && larder.overview === null) {
    main.replaceChildren(failure?.code === "token"
      ? emptyState("This dashboard asks for its token",
        "Open the address that the server printed when it was started. It ends in #token=…")
      : emptyState("The server does not answer", failure?.message ?? "It may have been ended."));
  }
}

const routes = [
  [/^#\/$/, "Overview", showOverview],
  [/^#\/entries(?:\?(.*))?$/, "Entries", showEntries],
  [/^#\/entry\/([0-9a-f]+)$/, "Entry", showModel],
  [/^#\/care$/, "Care", showCare],
  [/^#\/settings$/, "Settings", showSettings],
];

function route() {
  if (larder.overview === null) return;
  const address = location.hash || "#/";
  const [pattern, title, show] = routes.find(([each]) => each.test(address)) ?? routes[0];
  document.title = `${title} · larder`;
  for (const link of document.querySelectorAll("nav a")) {
    const isHere = pattern.test(link.hash);
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  main.replaceChildren();
  page = show(main, larder, pattern.exec(address)?.[1] ?? "");
}

function setUpTheme() {
  const button = document.getElementById("theme");
  const preferred = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme ??
    (preferred.matches ? "dark" : "light")) === "dark";
  const draw = () => button.replaceChildren(icon(isDark() ? "sun" : "moon"));
  const chosen = localStorage.getItem("larder-theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    localStorage.setItem("larder-theme", document.documentElement.dataset.theme);
    draw();
  });
  preferred.addEventListener("change", draw);
  draw();
}

takeToken();
setUpTheme();
window.addEventListener("hashchange", () => {
  takeToken();
  route();
  main.focus({ preventScroll: true });
  window.scrollTo(0, 0);
});
document.addEventListener("visibilitychange", () => larder.overview && readSoon());
main.append(h("p", { class: "loading" }, "Reading the larder…"));
listen(receive, showConnection);
