// The actions that change the larder. Each one asks first, with the numbers of a dry run.

import { post } from "./api.js";
import { h, notice } from "./dom.js";
import { modelName, count, shortKey, size } from "./format.js";

// Says in a notice how it went. Returns the answer; null where it failed.
export async function act(path, body, done) {
  try {
    const answer = await post(path, body);
    notice(done, "good");
    return answer;
  } catch (failure) {
    notice(failure.message, "error");
    return null;
  }
}

export function planTable(entries) {
  return h("div", { class: "scroll plan", tabindex: 0, role: "region", "aria-label": "What would go" },
    h("table", { class: "list" },
      h("thead", {}, h("tr", {}, ["Model", "Device", "Size", "Why"].map((title) =>
        h("th", { scope: "col", class: title === "Size" ? "numeric" : "" }, title)))),
      h("tbody", {}, entries.slice(0, 500).map((entry) => h("tr", {},
        h("th", { scope: "row", title: entry.model }, modelName(entry.model),
          h("small", {}, shortKey(entry.key))),
        h("td", {}, entry.device), h("td", { class: "numeric" }, size(entry.bytes)),
        h("td", {}, entry.reason ?? "chosen"))))));
}

// Resolves to whether it was confirmed.
export function confirm(title, content, action) {
  return new Promise((resolve) => {
    const cancel = h("button", { type: "button", autofocus: true, onclick: () => dialog.close("no") }, "Cancel");
    const go = h("button", { type: "button", class: "danger", onclick: () => dialog.close("yes") }, action);
    const dialog = h("dialog", { "aria-labelledby": "dialog-title" },
      h("h2", { id: "dialog-title" }, title), ...content, h("div", { class: "buttons" }, cancel, go));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

export async function removeEntries(entries) {
  const keys = entries.map((entry) => entry.key);
  try {
    const plan = await post("remove", { keys, dry_run: true });
    const isSure = await confirm(`Remove ${count(plan.entries.length, "entry", "entries")}?`, [
      h("p", {}, `This frees ${size(plan.freed_bytes)}. The next request for one of them compiles it again. `,
        "Programs that use one now go on."),
      planTable(plan.entries),
    ], `Remove, and free ${size(plan.freed_bytes)}`);
    if (!isSure) return false;
    const done = await post("remove", { keys, dry_run: false });
    notice(`Removed ${count(done.entries.length, "entry", "entries")}, freed ${size(done.freed_bytes)}`, "good");
    return true;
  } catch (failure) {
    notice(failure.message, "error");
    return false;
  }
}
