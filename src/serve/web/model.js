// One entry: what decided its key, its siblings of the same model, whether it would be loaded now.

import { act, removeEntries } from "./actions.js";
import { get } from "./api.js";
import { emptyState, h, icon } from "./dom.js";
import { badges } from "./entries.js";
import { ago, modelName, duration, folder, moment, shortKey, size } from "./format.js";

const facts = (pairs) => h("dl", { class: "facts" }, pairs.filter(([, value]) => value).map(
  ([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));

function factsOf(entry) {
  return facts([
    ["Size", `${size(entry.bytes)}, ${size(entry.unique_bytes)} not shared`],
    ["Device", entry.device],
    ["Kind", entry.kind],
    ["Stored", moment(entry.created_at)],
    ["Last used", `${moment(entry.last_used_at)}${entry.last_used_at ? ` (${ago(entry.last_used_at)})` : ""}`],
    ["Hits", entry.hits.toLocaleString("en")],
    ["Compiling took", duration(entry.compile_ms)],
    ["Encoding", entry.encoding],
    ["Weights", entry.without_weights ? "in the model's own file" : "kept with it"],
    ["Requires", entry.requirements],
    ["Stale", entry.stale && `${entry.stale.reason}: ${entry.stale.detail}`],
    ["Held back", entry.withheld],
    ["Key", h("code", { class: "long" }, entry.key)],
  ]);
}

// With the entry's own values beside those of the variant that was chosen to compare it with.
function inputTable(entry, other) {
  const names = [...new Set([...Object.keys(entry.key_inputs),
    ...Object.keys(other?.key_inputs ?? {})])].sort();
  const value = (text) => h("td", {}, h("code", {}, text === undefined ? "–" : text || "''"));
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Key inputs" },
    h("table", { class: "list inputs" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Input"),
        h("th", { scope: "col" }, other ? "This entry" : "Value"),
        other && h("th", { scope: "col" }, shortKey(other.key)))),
      h("tbody", {}, names.map((name) => {
        const differs = other && entry.key_inputs[name] !== other.key_inputs[name];
        return h("tr", { class: differs ? "differs" : "" }, h("th", { scope: "row" }, name),
          value(entry.key_inputs[name]), other && value(other.key_inputs[name]));
      }))));
}

function variants(entry, siblings, compared, compare) {
  return h("ul", { class: "variants" }, siblings.map((each) => h("li", {
    class: each.key === entry.key ? "here" : "",
  },
  h("a", { href: `#/entry/${each.key}`, "aria-current": each.key === entry.key ? "true" : null },
    h("strong", {}, each.device), ` ${size(each.bytes)}`, h("small", {}, shortKey(each.key))),
  badges(each),
  h("small", {}, `used ${ago(each.last_used_at)}`),
  each.key !== entry.key && h("button", {
    type: "button", "aria-pressed": String(each.key === compared?.key),
    onclick: () => compare(each.key === compared?.key ? null : each.key),
  }, "Compare"))));
}

function verdict(answer) {
  const table = answer.differences.length > 0 && h("table", { class: "list inputs" },
    h("thead", {}, h("tr", {}, ["Different input", "Stored", "Requested"].map((title) =>
      h("th", { scope: "col" }, title)))),
    h("tbody", {}, answer.differences.map((each) => h("tr", {},
      h("th", { scope: "row" }, each.input),
      h("td", {}, h("code", {}, each.kept ?? "–")), h("td", {}, h("code", {}, each.asked ?? "–"))))));
  return [h("p", { class: answer.would_hit ? "all-well" : "error-text" },
    icon(answer.would_hit ? "check" : "warning"),
    answer.would_hit ? "It would be loaded." : `It would be compiled: ${answer.reason}`), table]
    .filter(Boolean);
}

function whyCard(key) {
  const outcome = h("div", { role: "status" });
  const ask = h("button", {
    type: "button",
    onclick: async () => {
      ask.disabled = true;
      outcome.replaceChildren(h("p", { class: "hint" }, "Asking the runtime…"));
      try {
        outcome.replaceChildren(...verdict(await get(`entries/${key}/why`)));
      } catch (failure) {
        outcome.replaceChildren(h("p", { class: "error-text" }, failure.message));
      }
      ask.disabled = false;
    },
  }, icon("pulse"), "Ask now");
  return h("section", { class: "card" }, h("header", {}, h("h2", {}, "Would it be loaded now?"), ask),
    h("p", { class: "hint" }, "The same request, with this machine's runtime, devices and files as they are."),
    outcome);
}

function objectTable(entry) {
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Objects" },
    h("table", { class: "list" },
      h("thead", {}, h("tr", {}, ["Object", "Size", "Name"].map((title) => h("th", { scope: "col", class: title === "Size" ? "numeric" : "" }, title)))),
      h("tbody", {}, entry.objects.map((each) => h("tr", {},
        h("th", { scope: "row" }, h("code", {}, shortKey(each.digest))),
        h("td", { class: "numeric" }, size(each.bytes)), h("td", {}, each.name ?? "the blob"))))));
}

class EntryPage {
  constructor(main, larder, key) {
    this.main = main;
    this.larder = larder;
    this.key = key;
    this.other = null;
    this.read();
  }

  async read() {
    try {
      this.entry = await get(`entries/${this.key}`);
      this.draw();
    } catch (failure) {
      this.main.replaceChildren(emptyState("There is no such entry",
        failure.code === "not_found" ? "It was removed, or never stored." : failure.message));
    }
  }

  async compare(key) {
    this.other = key === null ? null : await get(`entries/${key}`);
    this.draw();
  }

  actions() {
    if (!this.larder.canAct()) return null;
    const keys = [this.entry.key];
    const { pinned } = this.entry;
    return h("div", { class: "buttons" },
      h("button", { type: "button", onclick: async () => {
        await act(pinned ? "unpin" : "pin", { keys }, pinned ? "Unpinned" : "Pinned");
        this.read();
      } }, icon("pin"), pinned ? "Unpin" : "Pin"),
      h("button", { type: "button", onclick: () => act("verify", { keys }, "Verifying: see Care") },
        icon("check"), "Verify"),
      h("button", { type: "button", class: "danger", onclick: async () => {
        if (await removeEntries([this.entry])) location.hash = "#/entries";
      } }, icon("trash"), "Remove…"));
  }

  draw() {
    const { entry } = this;
    const siblings = this.larder.entries.filter((each) => each.model === entry.model);
    this.main.replaceChildren(
      h("p", { class: "crumbs" }, h("a", { href: "#/entries" }, "Entries"), " / ",
        folder(entry.model)),
      h("div", { class: "title-row" },
        h("h1", { class: "page-title" }, modelName(entry.model), badges(entry)), this.actions() ?? ""),
      h("div", { class: "columns wide-left" },
        h("section", { class: "card" }, h("header", {}, h("h2", {}, "This entry")), factsOf(entry)),
        h("div", { class: "stack" }, whyCard(entry.key),
          h("section", { class: "card" },
            h("header", {}, h("h2", {}, `Variants of this model (${siblings.length})`)),
            variants(entry, siblings, this.other, (key) => this.compare(key))))),
      h("section", { class: "card flush" }, h("header", {}, h("h2", {}, "What decided its key")),
        inputTable(entry, this.other)),
      h("section", { class: "card flush" }, h("header", {}, h("h2", {}, "What it takes")),
        objectTable(entry)));
  }
}

export function showModel(main, larder, key) {
  const page = new EntryPage(main, larder, key);
  return { changed: (what) => what === "entries" && !main.querySelector("[role=status] table") && page.read() };
}
