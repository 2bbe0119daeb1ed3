/**
 * Making elements. Children that are strings become text, never markup, so that nothing that a user
 * or a model wrote can become a part of the page.
 */

/** An HTML element; attributes named `on...` are listeners, those that are null are left out. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") setStyle(element, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

/** Through the object model, since the security policy forbids `style` attributes in markup. */
function setStyle(element, properties) {
  for (const [name, value] of Object.entries(properties)) element.style.setProperty(name, value);
}

/** A part of a text by code points, which is how the service counts characters. */
export function slicePoints(points, start, end) {
  return points.slice(start, end).join("");
}

/** The mark by which a model is known in every table and chart. */
export function swatch(index) {
  return h("span", { class: "swatch", style: { "--series": `var(--series-${index})` } });
}
