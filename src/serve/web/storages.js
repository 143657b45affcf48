// The storages that machines share: how they answered this machine.

import { h } from "./dom.js";
import { ago, duration, moment, size } from "./format.js";

const columns = ["Storage", "Hits", "Misses", "Failures", "Fetched", "Sent"];

function state(storage) {
  const isResting = storage.rests_until !== null && Date.parse(storage.rests_until) > Date.now();
  if (isResting) return `left alone until ${moment(storage.rests_until)}: ${storage.last_fault}`;
  if (storage.last_fault !== null) return `last failure ${ago(storage.last_fault_at)}: ${storage.last_fault}`;
  return null;
}

const number = (value) => h("td", { class: "numeric" }, value);

const row = (storage) => h("tr", {},
  h("th", { scope: "row" }, storage.url, h("small", {}, state(storage))),
  number(storage.hits.toLocaleString("en")), number(storage.misses.toLocaleString("en")),
  number(storage.failures.toLocaleString("en")),
  number(storage.hits > 0 ? `${size(storage.fetched_bytes)} in ${duration(storage.fetch_ms)}` : "–"),
  number(storage.sent_entries > 0 ? `${storage.sent_entries.toLocaleString("en")}, ${size(storage.sent_bytes)}` : "–"));

export function storagesTable(storages) {
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Shared storages" },
    h("table", { class: "list" },
      h("thead", {}, h("tr", {}, columns.map((title) =>
        h("th", { scope: "col", class: title === "Storage" ? "" : "numeric" }, title)))),
      h("tbody", {}, storages.map(row))));
}
