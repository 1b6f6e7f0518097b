// Elements of the page. Text from banks becomes text nodes only, never markup.

/**
 * Return an element. Properties are set as such, `on…` as listeners, `class`, `data-…` and `aria-…` as attributes.
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string | number | null | undefined | false)} children
 * @returns {any}
 */
export function el(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** Return an SVG element; see `el`. @type {typeof el} */
export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children, true);
}

function fill(element, properties, children, attributesOnly = false) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (attributesOnly || name === "class" || name.includes("-") || name === "role" || name === "for") {
      element.setAttribute(name, value === true ? "" : value);
    } else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false).map(text));
  return element;
}

const text = (child) => (child instanceof Node ? child : String(child));

/** Replace the children of an element. @param {Element} element @param {...(Node | string | null | false)} children */
export function replace(element, ...children) {
  element.replaceChildren(...children.filter((child) => child !== null && child !== false));
}

/**
 * Replace the children of an element, and give the focus back to the element with the same `data-key`.
 * @param {Element} element @param {...(Node | string | null | false)} children
 */
export function redraw(element, ...children) {
  const key = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  replace(element, ...children);
  if (key) element.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

/** Return a button. @param {string} label @param {() => void} onclick @param {Record<string, any>} [properties] */
export function button(label, onclick, properties = {}) {
  return el("button", { type: "button", onclick, ...properties }, label);
}

/**
 * Return a text as it can be shown: control characters and those that turn the direction of text become U+FFFD.
 * @param {unknown} value
 */
export function shown(value) {
  return String(value ?? "").replace(/[\p{Cc}\p{Bidi_Control}]/gu, "\uFFFD");
}

/** Return a number with at most some digits after the point, "" for null. @param {?number} value */
export function rounded(value, digits = 2) {
  return value === null || value === undefined ? "" : String(Number(value.toFixed(digits)));
}

/** Return seconds with their unit. @param {?number} value */
export function seconds(value) {
  if (value === null || value === undefined) return "";
  return value < 1 ? `${Math.round(value * 1000)} ms` : `${rounded(value)} s`;
}

/** Forget an error that the last success has made old. */
export function clearError() {
  const notice = document.getElementById("notice");
  if (notice.classList.contains("error")) notify("");
}

let timer = 0;

/** Tell the user something, in the status line. @param {unknown} message */
export function notify(message, isError = false) {
  const notice = document.getElementById("notice");
  notice.textContent = shown(message);
  notice.classList.toggle("error", isError);
  clearTimeout(timer);
  if (!isError) timer = setTimeout(() => (notice.textContent = ""), 6000);
}
