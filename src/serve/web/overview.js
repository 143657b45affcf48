// The first page: how full, what for, what it was good for, what happens now.

import { get } from "./api.js";
import { barChart } from "./chart.js";
import { emptyState, h, icon } from "./dom.js";
import { ago, count, duration, percent, size } from "./format.js";
import { storagesTable } from "./storages.js";
import { treemap } from "./treemap.js";

const ranges = {
  day: { name: "24 h", since: "24h", interval: "1h", seconds: 3600, count: 24 },
  month: { name: "30 days", since: "30d", interval: "1d", seconds: 86400, count: 30 },
  year: { name: "12 months", since: "52w", interval: "1w", seconds: 604800, count: 52 },
};

const measures = {
  requests: {
    name: "Requests",
    format: (value) => value.toLocaleString("en", { maximumFractionDigits: 1 }),
    series: [
      { name: "Loaded", class: "good", value: (each) => each.loaded },
      { name: "Waited for another", class: "fair", value: (each) => each.waited },
      { name: "Compiled", class: "work", value: (each) => each.compiled },
      { name: "Bypassed or refused", class: "none", value: (each) => each.bypassed + each.refused },
    ],
  },
  saved: {
    name: "Time saved",
    format: duration,
    series: [{ name: "Compiling not done", class: "good", value: (each) => each.saved_ms }],
  },
  bytes: {
    name: "Bytes",
    format: size,
    series: [
      { name: "Written", class: "work", value: (each) => each.bytes_written },
      { name: "Evicted", class: "none", value: (each) => each.evicted_bytes },
    ],
  },
};

// With those in which nothing happened.
function allIntervals({ intervals }, range) {
  const known = new Map(intervals.map((each) => [Date.parse(each.begin) / 1000, each]));
  const last = Math.floor(Date.now() / 1000 / range.seconds) * range.seconds;
  return Array.from({ length: range.count }, (_, index) => {
    const begin = last - (range.count - 1 - index) * range.seconds;
    return known.get(begin) ?? {
      begin: new Date(begin * 1000).toISOString(), compiled: 0, loaded: 0, waited: 0, bypassed: 0,
      refused: 0, saved_ms: 0, bytes_written: 0, evicted_bytes: 0,
    };
  });
}

function intervalLabel(range) {
  const format = range === ranges.day ? { hour: "2-digit", minute: "2-digit" }
    : { day: "numeric", month: "short" };
  return (interval) => new Date(interval.begin).toLocaleString("en-GB", format);
}

function fillTile({ total_bytes: total, max_size_bytes: max, nearly_full: full }) {
  const share = max > 0 ? Math.min(100, (100 * total) / max) : 0;
  return h("div", { class: `stat wide${full ? " full" : ""}` },
    h("h2", {}, "Stored"),
    h("p", { class: "figure" }, size(total),
      h("small", {}, max > 0 ? ` of ${size(max)}` : " without a limit")),
    max > 0 && h("div", {
      class: "meter", role: "meter", "aria-label": "How full the larder is",
      "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.round(share),
    }, h("span", { style: { width: `${share}%` } })),
    h("p", { class: "hint" }, max > 0 ? `${percent(total, max)} full` : "It grows as far as the disk"));
}

const stat = (title, figure, hint, href = null) => h(href ? "a" : "div", { class: "stat", href },
  h("h2", {}, title), h("p", { class: "figure" }, figure), h("p", { class: "hint" }, hint));

function tiles(overview, stats) {
  const hits = stats.loaded + stats.waited;
  const all = hits + stats.compiled + stats.bypassed + stats.refused;
  const stale = Object.values(stats.stale).reduce((sum, each) => sum + each.entries, 0);
  const { counts } = overview;
  const notes = [counts.pinned > 0 && `${counts.pinned} pinned`, stale > 0 && `${stale} stale`,
    counts.withheld > 0 && `${counts.withheld} held back`].filter(Boolean);
  return [
    fillTile(overview),
    stat("From the larder", all > 0 ? percent(hits, all) : "–",
      all > 0 ? `${hits.toLocaleString("en")} of ${count(all, "request")}` : "No requests yet"),
    stat("Time saved", duration(stats.saved_ms), all > 0 ? `since ${ago(stats.since)}` : "so far"),
    stat("Entries", counts.entries.toLocaleString("en"),
      notes.length > 0 ? notes.join(" · ") : "none stale, none pinned", "#/entries"),
  ];
}

function fullWarning(overview) {
  const { total_bytes: total, max_size_bytes: max } = overview;
  if (!overview.nearly_full) return null;
  return h("div", { class: "banner warning", role: "alert" }, icon("warning"),
    h("div", {}, h("strong", {}, `The larder is ${percent(total, max)} full. `),
      "The least valuable entries are evicted as soon as a new one is stored. ",
      h("a", { href: "#/care" }, "Make room"), ", or raise ", h("code", {}, "max_size"), "."));
}

function findings(overview) {
  const severities = { error: "warning", warning: "warning", info: "pulse" };
  if (overview.findings.length === 0) {
    return h("p", { class: "all-well" }, icon("check"), "Nothing is wrong.");
  }
  return h("ul", { class: "findings" }, overview.findings.map((each) =>
    h("li", { class: each.severity }, icon(severities[each.severity]),
      h("div", {}, h("strong", {}, each.finding), each.remedy && h("p", {}, each.remedy)))));
}

function jobLine(job) {
  if (job.state !== "running") return null;
  const name = job.verb === "verify" ? "Verifying" : "Repairing";
  const share = job.total_bytes > 0 ? (100 * job.done_bytes) / job.total_bytes : 0;
  return h("div", { class: "job" },
    h("p", {}, h("strong", {}, name), ` ${size(job.done_bytes)} of ${size(job.total_bytes)}`),
    h("progress", { max: 100, value: share, "aria-label": name }));
}

const compileLine = (compiling) => h("div", { class: "job" },
  h("p", {}, h("strong", {}, "Compiling"), ` ${compiling.what}, process ${compiling.process}, since `,
    h("time", { datetime: compiling.since }, new Date(compiling.since).toLocaleTimeString("en-GB")),
    compiling.waiting.length === 0 ? ""
      : `; waiting: ${compiling.waiting.map((each) => `${each.program} ${each.process}`).join(", ")}`),
  h("progress", { "aria-label": `Compiling ${compiling.what}` }));

function feed(larder) {
  const job = jobLine(larder.job);
  const compiling = larder.overview.compiling.slice(0, 6).map(compileLine);
  if (larder.feed.length === 0 && !job && compiling.length === 0) {
    return h("p", { class: "hint" }, "Quiet. What programs compile and load shows here at once.");
  }
  return [job, ...compiling, h("ol", { class: "feed" }, larder.feed.slice(0, 12).map((each) =>
    h("li", { class: each.kind },
      h("a", { href: each.kind === "removed" ? "#/entries" : `#/entry/${each.key}` }, each.text),
      h("time", { datetime: each.at.toISOString() }, each.at.toLocaleTimeString("en-GB")))))];
}

const tabs = (label, choices, chosen, choose) => h("div", { class: "tabs", role: "group", "aria-label": label },
  Object.entries(choices).map(([key, each]) => h("button", {
    type: "button", "aria-pressed": String(key === chosen), onclick: () => choose(key),
  }, each.name)));

const card = (title, ...content) => h("section", { class: "card" },
  h("header", {}, h("h2", {}, title)), ...content);

export function showOverview(main, larder) {
  const chosen = { range: "month", measure: "requests" };
  let past = null;
  const top = h("div", { class: "stats" });
  const banner = h("div", {});
  const map = h("div", { class: "treemap" });
  const drawMap = treemap(map);
  const chart = h("div", {});
  const controls = h("div", { class: "controls" });
  const wrong = h("div", {});
  const now = h("div", { "aria-live": "off" });
  const storages = h("div", {});

  const drawChart = () => {
    const choose = (name) => (key) => {
      chosen[name] = key;
      readPast();
    };
    controls.replaceChildren(
      tabs("What is shown", measures, chosen.measure, choose("measure")),
      tabs("Over which time", ranges, chosen.range, choose("range")));
    const range = ranges[chosen.range];
    const measure = measures[chosen.measure];
    if (past) {
      chart.replaceChildren(barChart({
        ...measure, intervals: allIntervals(past, range), label: intervalLabel(range),
        title: `${measure.name}, ${range.name}`,
      }));
    }
  };
  const readPast = async () => {
    const { since, interval } = ranges[chosen.range];
    past = await get(`history?since=${since}&interval=${interval}`);
    drawChart();
  };
  const draw = async () => {
    banner.replaceChildren(...[fullWarning(larder.overview)].filter(Boolean));
    wrong.replaceChildren(findings(larder.overview));
    const [stats, room] = await Promise.all([get("stats"), get("room"), readPast()]);
    top.replaceChildren(...tiles(larder.overview, stats));
    drawMap(room.devices);
    storages.replaceChildren(...(stats.remotes.length > 0
      ? [card("Shared storages", storagesTable(stats.remotes))] : []));
  };
  const drawNow = () => now.replaceChildren(...[feed(larder)].flat().filter(Boolean));

  const { overview } = larder;
  main.append(h("h1", { class: "page-title" }, "Overview",
    h("small", {}, h("code", {}, overview.directory))));
  if (overview.counts.entries === 0) {
    main.append(emptyState("No models are stored yet",
      "Start a program under larder, or compile a model. It is here a moment later.",
      "larder run python server.py"));
    if (overview.findings.length > 0) main.append(card("Needs attention", findings(overview)));
    return { changed: (what) => what === "entries" && larder.entries.length > 0 && location.reload() };
  }
  main.append(banner, top,
    h("section", { class: "card" }, h("header", {}, h("h2", {}, "What takes the room"),
      h("p", { class: "legend" },
        h("span", {}, h("i", { class: "swatch unique" }), "its own"),
        h("span", {}, h("i", { class: "swatch shared" }), "shared with others"))), map),
    h("section", { class: "card" }, h("header", {}, h("h2", {}, "Use over time"), controls), chart),
    h("div", { class: "columns" }, card("Now", now), card("Needs attention", wrong)),
    storages);
  draw();
  drawNow();
  return {
    changed: (what) => {
      drawNow();
      if (what === "overview") draw();
    },
  };
}
