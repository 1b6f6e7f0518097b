// The filters beside the sounds: a group of values for each facet, with their counts.

import { el, redraw, shown } from "./dom.js";
import { FACETS, change, state } from "./state.js";

const TITLES = {
  label: "Label",
  category: "Category",
  algorithm: "Algorithm",
  verdict: "Verdict",
  source: "Folder",
  split: "Split",
  origin: "Origin",
  rating: "Your rating",
};
const FEW = 8;
/** Facets whose rare values are shown, too. */
const unfolded = new Set();
/** Groups that are open. */
const opened = new Set(["label", "verdict", "origin", "rating"]);

/** @param {Element} place @param {Record<string, [any, number][]>} facets */
export function showFilters(place, facets) {
  const chosen = FACETS.some((facet) => state[facet].length) || state.q;
  const clear = () => change({ q: "", offset: "0", ...Object.fromEntries(FACETS.map((facet) => [facet, []])) }, { isNew: true });
  redraw(
    place,
    el("button", { type: "button", "data-key": "clear", onclick: clear, disabled: !chosen }, "Show all sounds"),
    ...FACETS.map((facet) => group(facet, facets[facet] ?? [])),
  );
}

function group(facet, counts) {
  const chosen = state[facet];
  const known = counts.map(([value]) => String(value));
  const values = [...counts, ...chosen.filter((value) => !known.includes(value)).map((value) => [value, 0])];
  const isLong = values.length > FEW + 2 && !unfolded.has(facet);
  const visible = isLong ? values.filter(([value], index) => index < FEW || chosen.includes(String(value))) : values;
  const more = el(
    "button",
    {
      type: "button",
      class: "more",
      onclick: (event) => {
        unfolded.add(facet);
        event.target.closest("details").replaceWith(group(facet, counts));
      },
    },
    `${values.length - visible.length} more`,
  );
  return el(
    "details",
    { open: opened.has(facet) || chosen.length > 0, ontoggle: (event) => opened[event.target.open ? "add" : "delete"](facet) },
    el("summary", { "data-key": `group:${facet}` }, TITLES[facet]),
    el("fieldset", {}, el("legend", { class: "hidden" }, TITLES[facet]), ...visible.map(([value, count]) => option(facet, String(value), count)), isLong && more),
  );
}

function option(facet, value, count) {
  const toggle = (event) => {
    const others = state[facet].filter((one) => one !== value);
    change({ [facet]: event.target.checked ? [...others, value] : others, offset: "0" }, { isNew: true });
  };
  return el(
    "label",
    { class: "facet" },
    el("input", { type: "checkbox", "data-key": `${facet}:${value}`, checked: state[facet].includes(value), onchange: toggle }),
    el("span", { class: "value" }, shown(value)),
    el("span", { class: "count" }, count.toLocaleString("en-US")),
  );
}
