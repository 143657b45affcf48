// Making room, and seeing that everything is whole.

import { act, confirm, planTable } from "./actions.js";
import { post } from "./api.js";
import { h, icon, notice } from "./dom.js";
import { count, percent, shortKey, size } from "./format.js";

const rules = [
  { name: "stale", title: "Stale", hint: "Its model is gone or changed, or it is of another runtime and nobody uses it" },
  { name: "incompatible", title: "Incompatible", hint: "This machine's runtime, driver or device does not load it" },
  { name: "quarantine", title: "Set aside", hint: "Files in quarantine, because they were damaged or crashed a process" },
];

class Pruning {
  constructor(larder) {
    this.larder = larder;
    this.olderThan = h("input", { type: "text", placeholder: "30d", size: 6, id: "older-than", "aria-describedby": "age-hint" });
    this.maxSize = h("input", { type: "text", placeholder: "20GiB", size: 8, id: "max-size", "aria-describedby": "size-hint" });
    this.boxes = rules.map((rule) => h("input", { type: "checkbox", checked: rule.name === "stale" }));
    this.plan = h("div", { class: "outcome", role: "status" });
    this.preview = h("button", { type: "submit", class: "primary" }, "Preview");
    this.element = h("form", { class: "card", onsubmit: (event) => this.look(event) },
      h("header", {}, h("h2", {}, icon("broom"), "Make room")),
      h("fieldset", {}, h("legend", {}, "Remove what any of these names. Pinned entries stay."),
        rules.map((rule, index) => h("label", { class: "choice" }, this.boxes[index],
          h("span", {}, h("strong", {}, rule.title), h("small", {}, rule.hint)))),
        h("p", { class: "choice" }, h("label", { for: "older-than" }, h("strong", {}, "Not used for")),
          this.olderThan, h("small", { id: "age-hint" }, "12h, 30d, 8w")),
        h("p", { class: "choice" }, h("label", { for: "max-size" }, h("strong", {}, "Down to")),
          this.maxSize, h("small", { id: "size-hint" }, "what is worth least goes first: 500MB, 20GiB"))),
      h("div", { class: "buttons" }, this.preview), this.plan);
  }

  asked() {
    const body = {};
    rules.forEach((rule, index) => { body[rule.name] = this.boxes[index].checked; });
    if (this.olderThan.value.trim()) body.older_than = this.olderThan.value.trim();
    if (this.maxSize.value.trim()) body.max_size = this.maxSize.value.trim();
    return body;
  }

  async look(event) {
    event.preventDefault();
    this.preview.disabled = true;
    this.plan.replaceChildren(h("p", { class: "hint" }, "Looking…"));
    const body = this.asked();
    try {
      const plan = await post("prune", { ...body, dry_run: true });
      this.show(plan, body);
    } catch (failure) {
      this.plan.replaceChildren(h("p", { class: "error-text" }, failure.message));
    }
    this.preview.disabled = false;
  }

  show(plan, body) {
    if (plan.entries.length === 0 && plan.freed_bytes === 0) {
      this.plan.replaceChildren(h("p", { class: "all-well" }, icon("check"),
        `Nothing to remove: ${size(plan.total_bytes)} kept.`));
      return;
    }
    const what = count(plan.entries.length, "entry", "entries") +
      (plan.set_aside_files > 0 ? ` and ${count(plan.set_aside_files, "file")} set aside` : "");
    const free = h("button", { type: "button", class: "danger" },
      icon("trash"), `Remove, and free ${size(plan.freed_bytes)}`);
    free.addEventListener("click", async () => {
      const isSure = await confirm(`Remove ${what}?`, [h("p", {},
        `This frees ${size(plan.freed_bytes)} and leaves ${size(plan.total_bytes)}.`)],
      `Remove, and free ${size(plan.freed_bytes)}`);
      if (!isSure) return;
      const done = await act("prune", { ...body, dry_run: false }, "Pruned");
      if (!done) return;
      notice(`Freed ${size(done.freed_bytes)}`, "good");
      this.plan.replaceChildren(h("p", { class: "all-well" }, icon("check"),
        `Removed ${count(done.entries.length, "entry", "entries")}, freed ${size(done.freed_bytes)}.`));
    });
    this.plan.replaceChildren(
      h("p", {}, h("strong", {}, `Would remove ${what}, free ${size(plan.freed_bytes)}`),
        ` and leave ${size(plan.total_bytes)}.`),
      plan.held_back && h("p", { class: "error-text" },
        `No object can go while ${plan.held_back} cannot be read.`),
      plan.entries.length > 0 && planTable(plan.entries),
      h("div", { class: "buttons" }, free));
  }
}

const damages = { damaged: "damaged", untrusted: "not trusted", unreadable: "unreadable" };

function resultOf(job) {
  if (job.state === "failed") {
    return h("p", { class: "error-text" }, `${job.error.what}. ${job.error.remedy ?? ""}`);
  }
  const { result } = job;
  const read = `${count(result.entries, "entry", "entries")}, ${count(result.objects, "object")}, ${size(result.bytes)} read`;
  if (result.findings.length === 0) {
    return h("p", { class: "all-well" }, icon("check"),
      `${read}: ${job.state === "done" ? "all whole." : "no damage so far. The next check goes on from here."}`);
  }
  return h("div", {}, h("p", {}, h("strong", {}, `${read}: ${count(result.findings.length, "fault")} found.`)),
    h("ul", { class: "findings" }, result.findings.map((each) => h("li", { class: "error" }, icon("warning"),
      h("div", {}, h("strong", {}, `${damages[each.damage]}: ${each.what}`),
        h("p", {}, each.key ? `${shortKey(each.key)} · ` : "", h("code", {}, each.path)))))),
    result.repairs && h("p", {}, result.repairs.map((each) =>
      `${shortKey(each.key)}: ${each.outcome}${each.reason ? ` (${each.reason})` : ""}`).join("; ")));
}

class Checking {
  constructor(larder) {
    this.larder = larder;
    this.progress = h("div", {});
    this.outcome = h("div", { class: "outcome", role: "status" });
    const start = (verb) => h("button", { type: "button", onclick: () => act(verb, {}, "Started") });
    this.verify = start("verify");
    this.verify.append(icon("check"), "Verify everything");
    this.repair = start("repair");
    this.repair.append(icon("pulse"), "Repair");
    this.cancel = h("button", { type: "button", onclick: () => act("cancel", {}, "Cancelled") }, "Cancel");
    this.element = h("section", { class: "card" },
      h("header", {}, h("h2", {}, icon("check"), "See that everything is whole")),
      h("p", {}, "Verification reads every stored byte and sets damaged files aside. ",
        "Repairing also compiles it again if its model still exists."),
      h("div", { class: "buttons" }, this.verify, this.repair, this.cancel), this.progress, this.outcome);
    this.draw();
  }

  draw() {
    const { job } = this.larder;
    const runs = job.state === "running";
    this.verify.disabled = runs || !this.larder.canAct();
    this.repair.disabled = runs || !this.larder.canAct();
    this.cancel.hidden = !runs;
    const share = runs && job.total_bytes > 0 ? (100 * job.done_bytes) / job.total_bytes : 0;
    this.progress.replaceChildren(...(runs ? [h("div", { class: "job" },
      h("p", {}, `${job.verb === "verify" ? "Verifying" : "Repairing"}: ${size(job.done_bytes)} of ${size(job.total_bytes)} (${percent(job.done_bytes, job.total_bytes)})`),
      h("progress", { max: 100, value: share, "aria-label": job.verb }))] : []));
    this.outcome.replaceChildren(...(runs || job.state === "none" ? [] : [resultOf(job)]));
  }
}

export function showCare(main, larder) {
  const pruning = new Pruning(larder);
  const checking = new Checking(larder);
  const { overview } = larder;
  main.append(h("h1", { class: "page-title" }, "Care"));
  if (!larder.canAct()) {
    const why = overview.read_only ? "This server only shows the larder."
      : !overview.writable ? "This larder can only be read."
        : "To change anything, open the address that the server printed: it ends in #token=…";
    main.append(h("p", { class: "banner", role: "note" }, why));
    pruning.preview.disabled = true;
  }
  main.append(h("div", { class: "columns" }, pruning.element, checking.element));
  return { changed: (what) => (what === "job" || what === "overview") && checking.draw() };
}
