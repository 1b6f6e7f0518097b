// The state of the page, kept in its address: view, filter, sorting, selected sound, opened collection.

export const FACETS = ["label", "category", "algorithm", "verdict", "source", "split", "origin", "rating"];

const VIEWS = ["browse", "map", "collections", "make"];
const SORTS = ["name", "files", "family_size", "confidence", "realness", "rating", "taste", "algorithm", "label", "loudness_db", "attack_seconds", "decay_seconds", "release_seconds", "brightness_hz", "harmonicity", "harshness"];
/** Values that an address may have, where not all are. @type {Record<string, (value: string) => boolean>} */
const IS_VALID = {
  view: (value) => VIEWS.includes(value),
  q: (value) => value.length <= 200,
  sort: (value) => SORTS.includes(value),
  descending: (value) => value === "true" || value === "false",
  offset: (value) => /^[0-9]{1,9}$/.test(value),
  sound: (value) => /^([0-9a-f]{20})?$/.test(value),
};
const DEFAULTS = { view: "browse", q: "", sort: "files", descending: "true", offset: "0", sound: "", collection: "", color: "label" };

/** @type {Set<(changed: Set<string>, isBack: boolean) => void>} */
const listeners = new Set();

export let state = read();

function read() {
  const pairs = new URLSearchParams(location.search);
  const found = {};
  for (const [key, value] of Object.entries(DEFAULTS)) {
    const given = pairs.get(key);
    found[key] = given !== null && (IS_VALID[key]?.(given) ?? true) ? given : value;
  }
  // By default, sounds that are worth hearing.
  for (const facet of FACETS) found[facet] = pairs.getAll(facet).filter((value) => value && (facet !== "algorithm" || /^[0-9]{1,2}$/.test(value)));
  if (!pairs.has("verdict") && !location.search) found.verdict = ["valid"];
  return found;
}

function write(isNew) {
  const pairs = new URLSearchParams();
  for (const [key, value] of Object.entries(DEFAULTS)) if (state[key] !== value || key === "view") pairs.set(key, state[key]);
  for (const facet of FACETS) for (const value of state[facet]) pairs.append(facet, value);
  history[isNew ? "pushState" : "replaceState"](null, "", `?${pairs}`);
}

/**
 * Change the state. Listeners get the names of what changed.
 * @param {Record<string, any>} changes
 * @param {{ isNew?: boolean }} [options] isNew: a step that the back button undoes
 */
export function change(changes, { isNew = false } = {}) {
  const before = state;
  state = { ...state, ...changes };
  const changed = differences(before, state);
  if (!changed.size) return;
  write(isNew);
  for (const listener of listeners) listener(changed, false);
}

/** Call a function with the names of what changed, and whether by going back. @param {(changed: Set<string>, isBack: boolean) => void} listener */
export function onChange(listener) {
  listeners.add(listener);
}

function differences(before, after) {
  return new Set(Object.keys(after).filter((key) => String(before[key]) !== String(after[key])));
}

/** Return the filter, as parameters of the API. */
export function filter() {
  const found = { q: state.q };
  for (const facet of FACETS) found[facet] = state[facet];
  return found;
}

/** Whether a change concerns the filter. @param {Set<string>} changed */
export const isFilter = (changed) => ["q", ...FACETS].some((key) => changed.has(key));

addEventListener("popstate", () => {
  const before = state;
  state = read();
  const changed = differences(before, state);
  for (const listener of listeners) listener(changed, true);
});
