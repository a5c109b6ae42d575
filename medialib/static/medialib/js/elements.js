// Makes elements from code; text goes in as text only.
const SVG = "http://www.w3.org/2000/svg";
// The sprite that `icons.py` sends, as the templates name it.
const SPRITE = document.querySelector(".icon use")?.getAttribute("href").split("#")[0] ?? "/icons.svg";

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function makeSvg(tag, attributes = {}) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

export function icon(name) {
  const svg = makeSvg("svg", { class: "icon", "aria-hidden": "true", width: 16, height: 16 });
  svg.append(makeSvg("use", { href: `${SPRITE}#${name}` }));
  return svg;
}

export function setIcon(svg, name) {
  svg.querySelector("use").setAttribute("href", `${SPRITE}#${name}`);
}

let clearing = 0;

export function toast(text) {
  const place = document.getElementById("toasts");
  place.replaceChildren(make("p", { class: "toast" }, text));
  clearTimeout(clearing);
  clearing = setTimeout(() => place.replaceChildren(), 4000);
}
