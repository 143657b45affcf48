// Bars over time, drawn as SVG; the same numbers as a table for who cannot see them.

import { h, svg } from "./dom.js";

const height = 190;
const bottom = 24;
const left = 56;

// 1, 2 or 5 times a power of ten, so that four lines or fewer are enough.
function step(max) {
  const rough = max / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough);
}

// `series`: [{ name, class, value(interval) }], from the bottom up; `format(value)` of the axis.
export function barChart({ intervals, series, format, label, title }) {
  const width = Math.max(280, Math.min(1100, document.documentElement.clientWidth - 90));
  const totals = intervals.map((each) => series.reduce((sum, one) => sum + one.value(each), 0));
  const max = Math.max(...totals, 0);
  const picture = svg("svg", {
    class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title,
  });
  const lineStep = max > 0 ? step(max) : 1;
  const top = Math.max(lineStep, Math.ceil(max / lineStep) * lineStep);
  const y = (value) => (height - bottom) - (value / top) * (height - bottom - 8);
  for (let line = 0; line <= top * 1.001; line += lineStep) {
    picture.append(
      svg("line", { x1: left, x2: width, y1: y(line), y2: y(line), class: "grid" }),
      svg("text", { x: left - 8, y: y(line) + 4, "text-anchor": "end" }, format(line)));
  }
  const slot = (width - left) / intervals.length;
  const labelled = Math.ceil(intervals.length / Math.max(2, Math.floor((width - left) / 90)));
  intervals.forEach((interval, index) => {
    const x = left + index * slot;
    let sum = 0;
    const group = svg("g", {}, svg("title", {}, `${label(interval)}\n${series.map((one) =>
      `${one.name}: ${format(one.value(interval))}`).join("\n")}`));
    group.append(svg("rect", { x, y: 0, width: slot, height: height - bottom, class: "hover" }));
    for (const one of series) {
      const value = one.value(interval);
      if (value <= 0) continue;
      const from = y(sum);
      sum += value;
      group.append(svg("rect", {
        x: x + slot * 0.14, y: y(sum), width: slot * 0.72, height: Math.max(0.5, from - y(sum)),
        class: `bar ${one.class}`, rx: Math.min(2, slot / 8),
      }));
    }
    picture.append(group);
    if (index % labelled === 0) {
      picture.append(svg("text", { x: x + slot / 2, y: height - 6, "text-anchor": "middle" },
        label(interval)));
    }
  });
  return h("figure", {}, picture, legend(series), table({ intervals, series, format, label }));
}

function legend(series) {
  return h("figcaption", { class: "legend" }, series.map((one) =>
    h("span", {}, h("i", { class: `swatch ${one.class}` }), one.name)));
}

function table({ intervals, series, format, label }) {
  return h("div", { class: "unseen" }, h("table", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "When"),
      series.map((one) => h("th", { scope: "col" }, one.name)))),
    h("tbody", {}, intervals.map((interval) => h("tr", {},
      h("th", { scope: "row" }, label(interval)),
      series.map((one) => h("td", {}, format(one.value(interval)))))))));
}
