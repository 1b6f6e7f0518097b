// The page: views, the chosen voice, the keys.

import { get } from "./api.js";
import { showBrowse } from "./browse.js";
import { addTo, importFile, showCollections, targetName } from "./collections.js";
import { el, notify, replace } from "./dom.js";
import { showPlayer } from "./keyboard.js";
import { showMake } from "./make.js";
import { redrawMap, showMap, showMatches } from "./map.js";
import { attempt, player } from "./player.js";
import { choose, known, onChoice } from "./selection.js";
import { change, isFilter, onChange, state } from "./state.js";
import { setUndoButton, undoLast } from "./undo.js";
import { rateSound, showVoice } from "./voice.js";

const VIEWS = { browse: "Sounds", map: "Map", collections: "Banks", make: "Make" };
const RATINGS = ["skip", "fine", "keep", "star"];
const TYPING_MS = 120;

const place = (id) => document.getElementById(id);

function showNavigation() {
  replace(
    place("views"),
    ...Object.entries(VIEWS).map(([view, title]) => {
      const go = (event) => {
        event.preventDefault();
        change({ view }, { isNew: true });
      };
      return el("a", { href: `?view=${view}`, onclick: go, "aria-current": state.view === view ? "page" : null }, title);
    }),
  );
  document.title = `${VIEWS[state.view] ?? "Sounds"} · Deep DX explorer`;
}

async function showView() {
  const view = place("view");
  const filters = place("filters");
  if (view.dataset.view !== state.view) {
    replace(view);
    replace(filters);
    view.dataset.view = state.view;
  }
  document.body.dataset.view = state.view;
  showNavigation();
  const status = await attempt(() => get("status"));
  if (status?.corpus) {
    replace(view, el("p", { class: "empty" }, status.corpus));
    return;
  }
  if (status && !status.sounds) {
    replace(view, el("p", { class: "empty" }, "The corpus is empty. Add banks with `deepdx add FILE...`, then `deepdx run`."));
    return;
  }
  if (state.view === "map") await showMap(view, filters);
  else if (state.view === "collections") await showCollections(view);
  else if (state.view === "make") await showMake(view);
  else await showBrowse(view, filters);
}

let typing = 0;

function start() {
  showPlayer(place("player"));
  setUndoButton(place("undo"));
  const q = place("q");
  q.value = state.q;
  place("search").onsubmit = (event) => event.preventDefault();
  q.oninput = () => {
    clearTimeout(typing);
    const isShowing = state.view === "browse" || state.view === "map";
    typing = setTimeout(() => change({ q: q.value, offset: "0", ...(isShowing ? {} : { view: "browse" }) }), TYPING_MS);
  };
  onChange((changed, isBack) => {
    if (q.value !== state.q && (isBack || document.activeElement !== q)) q.value = state.q;
    if (changed.has("view")) showView();
    else if (state.view === "browse" && (isFilter(changed) || ["sort", "descending", "offset"].some((key) => changed.has(key)))) showView();
    else if (state.view === "map" && isFilter(changed)) showMatches();
    else if (state.view === "map" && (changed.has("color") || changed.has("sound"))) redrawMap();
    else if (state.view === "collections" && changed.has("collection")) showView();
    if (changed.has("sound")) {
      showVoice(place("voice"), state.sound);
      if (!known.has(state.sound) || isBack) meet();
    }
  });
  document.addEventListener("overruled", () => showVoice(place("voice"), state.sound));
  document.addEventListener("undone", () => {
    showVoice(place("voice"), state.sound);
    if (state.view === "browse") showView();
  });
  // A file that is dropped beside its box would replace the page.
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) importFile(event.dataTransfer.files[0]);
  });
  document.addEventListener("keydown", act);
  onChoice(() => document.body.classList.add("has-voice"));
  showView();
  showVoice(place("voice"), state.sound);
  meet();
  attempt(async () => (player.phrases = (await get("choices")).phrases));
}

/** Know the voice that the address names, for keys and piano, without playing it. */
async function meet() {
  if (!state.sound) return;
  const voice = await attempt(() => get(`sounds/${state.sound}/voice`));
  if (!voice) return;
  known.set(voice.sound_id, voice);
  if (voice.sound_id === state.sound) await attempt(() => player.load(voice));
}

/** Act on a key, unless the user is typing. */
function act(event) {
  const isTyping = event.target.closest("input:not([type=checkbox]), select, textarea, .piano");
  if (event.ctrlKey || event.metaKey || event.altKey || (isTyping && event.key !== "Escape")) return;
  const voice = known.get(state.sound);
  const rating = RATINGS[Number(event.key) - 1];
  if (event.key === "/") place("q").focus();
  else if (event.key === "Escape") document.activeElement?.blur();
  else if (event.key === "u") undoLast();
  else if (!voice) return;
  else if (event.key === " " && !event.target.closest("button, a, summary")) attempt(() => player.play(voice));
  else if (event.key === "b") addTo(targetName(), [voice]);
  else if (rating) rateSound(voice, rating);
  else return;
  event.preventDefault();
}

window.addEventListener("error", (event) => notify(event.message, true));
// For tests, and for whoever looks behind the page.
window.deepdx = { player, choose };
start();
