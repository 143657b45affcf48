// All that is kept: searched, sorted, chosen.

import { act, removeEntries } from "./actions.js";
import { emptyState, h, icon } from "./dom.js";
import { ago, modelName, count, duration, folder, moment, shortKey, size } from "./format.js";

const drawnAtOnce = 100;

const text = (value) => (a, b) => value(a).localeCompare(value(b));
const number = (value) => (a, b) => value(a) - value(b);
const used = (entry) => Date.parse(entry.last_used_at ?? entry.created_at);

const columns = [
  { key: "model", title: "Model", order: text((each) => modelName(each.model)) },
  { key: "device", title: "Device", order: text((each) => each.device) },
  { key: "size", title: "Size", order: number((each) => each.bytes), numeric: true },
  { key: "used", title: "Used", order: number(used), numeric: true },
  { key: "hits", title: "Hits", order: number((each) => each.hits), numeric: true },
  { key: "compile", title: "Compile", order: number((each) => each.compile_ms), numeric: true },
];

const filters = {
  all: { name: "All", holds: () => true },
  stale: { name: "Stale", holds: (each) => each.stale !== null },
  pinned: { name: "Pinned", holds: (each) => each.pinned },
  withheld: { name: "Held back", holds: (each) => each.withheld !== null },
  unused: { name: "Never used", holds: (each) => each.hits === 0 },
};

export function badges(entry) {
  return [
    entry.pinned && h("span", { class: "badge pinned", title: "Neither a limit nor a rule removes it" },
      icon("pin"), "pinned"),
    entry.stale && h("span", { class: "badge stale", title: entry.stale.detail }, entry.stale.reason),
    entry.withheld && h("span", { class: "badge withheld", title: entry.withheld }, "held back"),
    entry.encoding !== "raw" && entry.encoding !== "files" &&
      h("span", { class: "badge", title: "How the blob is stored" }, entry.encoding),
    entry.unpacked_from && h("span", { class: "badge", title: "What a device unpacked, for processes to share" }, "unpacked"),
    entry.kernels_of && h("span", { class: "badge", title: "Programs for a device that go with a blob" }, "kernels"),
  ].filter(Boolean);
}

function row(entry, isChosen, choose) {
  const name = modelName(entry.model);
  return h("tr", { class: isChosen ? "chosen" : "" },
    h("td", { class: "choose" }, h("input", {
      type: "checkbox", checked: isChosen, "aria-label": `Choose ${name} on ${entry.device}`,
      onchange: (event) => choose(entry.key, event.target.checked),
    })),
    h("th", { scope: "row" },
      h("a", { href: `#/entry/${entry.key}`, title: entry.model }, name), badges(entry),
      h("small", {}, folder(entry.model) || shortKey(entry.key))),
    h("td", { "data-title": "Device" }, entry.device),
    h("td", { "data-title": "Size", class: "numeric",
      title: `${size(entry.unique_bytes)} are not shared` }, size(entry.bytes)),
    h("td", { "data-title": "Used", class: "numeric", title: moment(entry.last_used_at) },
      ago(entry.last_used_at)),
    h("td", { "data-title": "Hits", class: "numeric" }, entry.hits.toLocaleString("en")),
    h("td", { "data-title": "Compile", class: "numeric" }, duration(entry.compile_ms)));
}

class EntryList {
  constructor(main, larder, question) {
    const asked = new URLSearchParams(question);
    this.larder = larder;
    this.filter = filters[asked.get("show")] ? asked.get("show") : "all";
    this.sort = asked.get("sort") ?? "used";
    this.isDescending = true;
    this.chosen = new Set();
    this.drawn = drawnAtOnce;
    this.search = h("input", {
      type: "search", placeholder: "Search models, devices, keys", "aria-label": "Search",
      value: asked.get("q") ?? "", oninput: () => this.restart(),
    });
    this.tabs = h("div", { class: "tabs", role: "group", "aria-label": "Which entries" });
    this.status = h("p", { class: "hint", role: "status" });
    this.actions = h("div", { class: "bulk" });
    this.head = h("tr", {});
    this.body = h("tbody", {});
    this.more = h("button", { type: "button", class: "more", onclick: () => this.drawMore() });
    main.append(
      h("h1", { class: "page-title" }, "Entries"),
      h("div", { class: "toolbar" }, h("label", { class: "search" }, icon("search"), this.search),
        this.tabs),
      this.actions, this.status,
      h("div", { class: "card flush" },
        h("table", { class: "list entries" }, h("thead", {}, this.head), this.body)), this.more);
    new IntersectionObserver(([seen]) => seen.isIntersecting && this.drawMore(),
      { rootMargin: "600px" }).observe(this.more);
    this.draw();
  }

  restart() {
    this.drawn = drawnAtOnce;
    this.draw();
  }

  found() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const { holds } = filters[this.filter];
    const { order } = columns.find((column) => column.key === this.sort) ?? columns[3];
    const sign = this.isDescending ? -1 : 1;
    return this.larder.entries.filter((entry) => {
      if (!holds(entry)) return false;
      if (words.length === 0) return true;
      const place = `${entry.model} ${entry.device} ${entry.key} ${entry.kind}`.toLowerCase();
      return words.every((word) => place.includes(word));
    }).sort((a, b) => sign * order(a, b));
  }

  drawHead() {
    this.head.replaceChildren(
      h("th", { class: "choose" }, h("input", {
        type: "checkbox", "aria-label": "Choose all that are shown",
        checked: this.chosen.size > 0 && this.chosen.size === this.shown.length,
        onchange: (event) => {
          this.chosen = new Set(event.target.checked ? this.shown.map((each) => each.key) : []);
          this.draw();
        },
      })),
      ...columns.map((column) => {
        const isSorted = column.key === this.sort;
        const direction = this.isDescending ? "descending" : "ascending";
        return h("th", {
          scope: "col", class: column.numeric ? "numeric" : "",
          "aria-sort": isSorted ? direction : null,
        }, h("button", {
          type: "button", class: isSorted ? direction : "",
          onclick: () => this.sortBy(column.key),
        }, column.title));
      }));
  }

  sortBy(key) {
    this.isDescending = key === this.sort ? !this.isDescending : key !== "model" && key !== "device";
    this.sort = key;
    this.draw();
    this.head.querySelector("[aria-sort] button").focus();
  }

  drawActions() {
    const keys = [...this.chosen];
    const entries = this.larder.entries.filter((entry) => this.chosen.has(entry.key));
    this.actions.hidden = keys.length === 0;
    const button = (title, name, run) => h("button", { type: "button", onclick: run }, icon(name), title);
    this.actions.replaceChildren(h("strong", {}, `${count(keys.length, "entry", "entries")} chosen`),
      ...(this.larder.canAct() ? [
        button("Pin", "pin", () => act("pin", { keys }, "Pinned")),
        button("Unpin", "pin", () => act("unpin", { keys }, "Unpinned")),
        button("Verify", "check", () => act("verify", { keys }, "Verifying")),
        button("Remove…", "trash", () => removeEntries(entries)),
      ] : [h("span", { class: "hint" }, "Nothing can be changed from here")]));
  }

  choose(key, isChosen) {
    if (isChosen) this.chosen.add(key);
    else this.chosen.delete(key);
    this.drawHead();
    this.drawActions();
  }

  drawRows(from) {
    this.body.append(...this.shown.slice(from, this.drawn).map((entry) =>
      row(entry, this.chosen.has(entry.key), (key, isChosen) => this.choose(key, isChosen))));
    this.more.hidden = this.drawn >= this.shown.length;
    this.more.textContent = `Show ${Math.min(drawnAtOnce, this.shown.length - this.drawn)} more`;
  }

  drawMore() {
    if (this.drawn >= this.shown.length) return;
    const from = this.drawn;
    this.drawn += drawnAtOnce;
    this.drawRows(from);
  }

  draw() {
    const all = this.larder.entries;
    this.shown = this.found();
    const kept = new Set(all.map((entry) => entry.key));
    this.chosen = new Set([...this.chosen].filter((key) => kept.has(key)));
    this.tabs.replaceChildren(...Object.entries(filters).map(([key, filter]) => h("button", {
      type: "button", "aria-pressed": String(key === this.filter),
      onclick: () => {
        this.filter = key;
        this.restart();
      },
    }, filter.name, h("span", { class: "number" }, String(all.filter(filter.holds).length)))));
    const bytes = this.shown.reduce((sum, entry) => sum + entry.bytes, 0);
    this.status.textContent = this.shown.length === all.length
      ? `${count(all.length, "entry", "entries")}, ${size(bytes)}`
      : `${this.shown.length.toLocaleString("en")} of ${count(all.length, "entry", "entries")}, ${size(bytes)}`;
    this.drawHead();
    this.drawActions();
    this.body.replaceChildren();
    this.drawRows(0);
    if (this.shown.length === 0) {
      this.body.append(h("tr", {}, h("td", { colspan: columns.length + 1 },
        all.length === 0
          ? emptyState("No models are stored yet", "Compile a model to see it here.", "larder compile model.xml")
          : emptyState("Nothing like that", "No entry is called so, or is of this kind."))));
    }
  }
}

export function showEntries(main, larder, question) {
  const list = new EntryList(main, larder, question);
  return { changed: (what) => what === "entries" && list.draw() };
}
