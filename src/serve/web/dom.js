// Elements, made without markup: nothing that the larder says can become part of the page.

// h("a", { href: "#/", class: "x", onclick: f }, "text", child, null)
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(element.style, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function icon(name) {
  const paths = {
    pin: "M9 3h6l-1 6 3 3v2H7v-2l3-3-1-6zM12 14v7",
    warning: "M12 4 2.5 20h19L12 4zM12 10v4.5M12 17.5v.1",
    check: "M4.5 12.5l5 5 10-11",
    trash: "M4 7h16M9 7V4h6v3M6.5 7l1 13h9l1-13M10 11v5.5M14 11v5.5",
    broom: "M19 3l-7 9M8 11l7 5-3 5H4l1-4 3-6z",
    sun: "M12 8a4 4 0 100 8 4 4 0 000-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6L19 19M5 19l1.4-1.4M17.6 6.4L19 5",
    moon: "M20 14.5A8.5 8.5 0 119.5 4a7 7 0 0010.5 10.5z",
    search: "M10.5 4a6.5 6.5 0 100 13 6.5 6.5 0 000-13zM15.5 15.5L20 20",
    pulse: "M3 12h4l3-7 4 14 3-7h4",
  };
  return svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" },
    svg("path", { d: paths[name] }));
}

// A page that has nothing to show yet, and what to do about it.
export function emptyState(title, text, command = null) {
  return h("div", { class: "empty" },
    h("img", { src: "/icon.svg", alt: "", width: 56, height: 56 }),
    h("h2", {}, title),
    h("p", {}, text),
    command && h("pre", {}, h("code", {}, command)));
}

export function notice(text, kind = "info") {
  const element = h("p", { class: `notice ${kind}` }, text);
  document.getElementById("notices").append(element);
  setTimeout(() => element.remove(), 8000);
}
