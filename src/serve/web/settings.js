// Every setting that is in force, and where it comes from.

import { get } from "./api.js";
import { h, notice } from "./dom.js";

export function showSettings(main) {
  const rows = h("tbody", {});
  main.append(
    h("h1", { class: "page-title" }, "Settings",
      h("small", {}, "Change one with ", h("code", {}, "larder config set NAME VALUE"))),
    h("div", { class: "card scroll", tabindex: 0, role: "region", "aria-label": "Settings" },
      h("table", { class: "list" },
        h("thead", {}, h("tr", {}, ["Setting", "Value", "Origin", "Meaning"].map((title) =>
          h("th", { scope: "col" }, title)))), rows)));
  get("settings").then(({ settings }) => {
    rows.append(...settings.map((each) => h("tr", {},
      h("th", { scope: "row" }, h("code", {}, each.name)),
      h("td", {}, h("code", {}, each.value || "–")),
      h("td", { class: each.origin === "default" ? "faint" : "" }, each.origin),
      h("td", {}, each.meaning))));
  }).catch((failure) => notice(failure.message, "error"));
  return { changed: () => {} };
}
