// The size of each model: devices, and in them models, each an area in proportion to its bytes.

import { h } from "./dom.js";
import { modelName, count, percent, size } from "./format.js";

const shownMax = 120;   // of a device; the smallest are one area together
const labelHeight = 22;
const gap = 2;

// Squarified: rows of areas that are as near to squares as they get. `items` have `bytes`, the
// largest first. Calls `place(item, x, y, width, height)`.
export function squarify(items, area, place) {
  let { x, y, width, height } = area;
  let rest = items.filter((item) => item.bytes > 0);
  let total = rest.reduce((sum, item) => sum + item.bytes, 0);
  while (rest.length > 0 && width > 0 && height > 0) {
    const side = Math.min(width, height);
    const scale = (width * height) / total;
    let sum = 0;
    let taken = 0;
    let worst = Infinity;
    for (const item of rest) {
      const areaOfRow = (sum + item.bytes) * scale;
      const depth = areaOfRow / side;
      const ratio = Math.max(...[rest[0], item].map((each) => {
        const length = (each.bytes * scale) / depth;
        return Math.max(length / depth, depth / length);
      }));
      if (ratio > worst) break;
      worst = ratio;
      sum += item.bytes;
      taken += 1;
    }
    const depth = (sum * scale) / side;
    let along = 0;
    for (const item of rest.slice(0, taken)) {
      const length = (item.bytes * scale) / depth;
      if (width >= height) place(item, x, y + along, depth, length);
      else place(item, x + along, y, length, depth);
      along += length;
    }
    if (width >= height) {
      x += depth;
      width -= depth;
    } else {
      y += depth;
      height -= depth;
    }
    total -= sum;
    rest = rest.slice(taken);
  }
}

const bytesOf = (room) => ({ ...room, bytes: room.unique_bytes + room.shared_bytes });

function modelsOf(device) {
  const models = device.models.map(bytesOf);
  if (models.length <= shownMax) return models;
  const rest = models.slice(shownMax);
  const sum = (name) => rest.reduce((total, model) => total + model[name], 0);
  return [...models.slice(0, shownMax), {
    model: `${count(rest.length, "smaller model")}`, key: null, entries: sum("entries"),
    bytes: sum("bytes"), unique_bytes: sum("unique_bytes"), shared_bytes: sum("shared_bytes"),
  }].sort((a, b) => b.bytes - a.bytes);
}

function describe(room, name) {
  const shared = room.shared_bytes > 0 ? `, of it ${size(room.shared_bytes)} shared` : "";
  return `${name}: ${size(room.bytes)}${shared}`;
}

const box = (x, y, width, height) => ({
  left: `${x}px`, top: `${y}px`, width: `${Math.max(0, width)}px`,
  height: `${Math.max(0, height)}px`,
});

function tile(room, device, x, y, width, height) {
  const name = modelName(room.model);
  const share = percent(room.shared_bytes, room.bytes).replace(" ", "");
  const text = describe(room, `${room.model} on ${device}`);
  const content = [
    room.shared_bytes > 0 && h("span", { class: "shared", style: { width: share } }),
    width > 46 && height > 24 && h("span", { class: "tile-name" }, name),
    width > 46 && height > 42 && h("span", { class: "tile-size" }, size(room.bytes)),
  ].filter(Boolean);
  const attributes = {
    class: "tile", title: text, "aria-label": text,
    style: box(x + gap / 2, y + gap / 2, width - gap, height - gap),
  };
  return h("li", {}, h("a", {
    ...attributes,
    href: room.key ? `#/entry/${room.key}` : "#/entries?sort=size",
  }, ...content));
}

// Fills `element` again whenever it changes its width.
export function treemap(element) {
  let devices = [];
  const draw = () => {
    const width = element.clientWidth;
    const height = element.clientHeight;
    element.replaceChildren();
    if (width === 0 || devices.length === 0) return;
    squarify(devices.map(bytesOf), { x: 0, y: 0, width, height }, (device, x, y, w, t) => {
      const inner = { x: 0, y: 0, width: w - gap, height: t - labelHeight - gap };
      const list = h("ul", { style: box(0, labelHeight, inner.width, inner.height) });
      squarify(modelsOf(device), inner, (room, ...place) => {
        list.append(tile(room, device.device, ...place));
      });
      const kind = device.device.replace(/[^A-Za-z].*/, "").toLowerCase();
      element.append(h("section", {
        class: `device ${kind}`, style: box(x, y, w, t),
        "aria-label": describe(device, device.device),
      }, h("h3", {}, device.device, h("span", {}, size(device.bytes))), list));
    });
  };
  new ResizeObserver(draw).observe(element);
  return (fresh) => {
    devices = fresh;
    draw();
  };
}
