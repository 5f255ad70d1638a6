// Components: sliders, those that change the picture most first; search, lock, random, reset, undo; a filmstrip.
import { anySeed, h, labelled, pairs, pause, unpaired } from "../dom.js";
import { condition, source } from "../sources.js";

const SOON = 300; // milliseconds that the page waits for all effects before it shows sliders in another order
const PART = 100; // milliseconds that one question for effects may take, about: the picture waits so long
const SORTED = "Sorted by how much they change the picture.";
const REST = 150; // milliseconds without a movement, after which the filmstrip is drawn

export async function mount(box, ctx) {
  const state = { code: ctx.get("code", "seed:0"), set: pairs(ctx.get("set")) };
  const locked = new Set(ctx.get("lock").split(",").filter(Boolean));
  const past = [];
  const future = [];
  let waiting = 0;
  let gone = false;
  let moved = -Infinity; // when a picture was last asked for
  const y = () => ctx.get("y");
  const effect = [];
  const all = Array.from({ length: ctx.run.latent }, (_, i) => i);
  const known = () => effect.length === all.length;
  let component = Number(ctx.get("film", "-1"));
  const picture = ctx.picture("sample", { large: true });
  const film = ctx.picture("filmstrip", { title: "" });
  const ask = () => ({ code: state.code, set: unpaired(state.set), y: y() });
  picture.show(ctx.path("picture"), ask());
  const measuring = measure();
  await Promise.race([measuring, pause(SOON)]);
  const ranked = () => (known() ? [...all].sort((a, b) => effect[b] - effect[a]) : all);
  const rows = ranked().map((i) => slider(i));
  const sliders = h("div", { className: "sliders" }, ...rows.map(({ node }) => node));
  const note = h("p", { className: "quiet", textContent: known() ? SORTED : "Sorted by number until all effects are measured." });
  if (component < 0) component = rows[0].i;

  /** Ask for effects, some at a time and not while one drags, so that pictures hardly wait. */
  async function measure() {
    for (let count = 1; !known() && !gone;) {
      const start = performance.now();
      effect.push(...(await ctx.json("components/effects", { first: effect.length, count, y: y() })).effect);
      const took = performance.now() - start;
      count = Math.max(1, Math.min(all.length - effect.length, Math.round((count * PART) / took)));
      while (performance.now() - moved < 2 * REST) await pause(REST);
    }
  }
  /** Put the sliders in order, once nobody holds one: one that is moved in the page lets go. */
  function sort() {
    if (gone) return;
    if (sliders.contains(document.activeElement)) {
      sliders.addEventListener("focusout", () => setTimeout(sort), { once: true });
      return;
    }
    const total = effect.reduce((sum, value) => sum + value, 0) || 1;
    rows.forEach(({ i, name }) => { name.title = `${((100 * effect[i]) / total).toFixed(1)} % of the change`; });
    sliders.append(...ranked().map((i) => rows.find((row) => row.i === i).node));
    note.textContent = SORTED; // as long as the sentence before, so that nothing moves under the pointer
  }

  function slider(i) {
    const range = h("input", { type: "range", min: -3, max: 3, step: 0.01, "aria-label": `component z${i}` });
    const value = h("output");
    const lock = h("button", { textContent: "lock", "aria-label": `Lock z${i}`, "aria-pressed": String(locked.has(String(i))) });
    lock.onclick = () => {
      const key = String(i);
      if (!locked.delete(key)) locked.add(key);
      lock.setAttribute("aria-pressed", String(locked.has(key)));
      ctx.put({ lock: [...locked].join(",") });
    };
    const strip = h("button", { textContent: "film", "aria-label": `Filmstrip of z${i}`, onclick: () => { component = i; draw(); } });
    range.onpointerdown = range.onkeydown = () => keep();
    range.oninput = () => { state.set.set(String(i), Number(range.value)); value.textContent = Number(range.value).toFixed(2); draw(); };
    const name = h("span", { textContent: `z${i}` });
    const node = h("div", { className: "slider" }, name, range, value, lock, strip);
    return { i, node, name, range, value };
  }

  function keep() {
    past.push([state.code, unpaired(state.set)]);
    past.splice(0, Math.max(0, past.length - 100));
    future.length = 0;
    buttons();
  }
  function draw() {
    moved = performance.now();
    ctx.put({ code: state.code, set: unpaired(state.set), film: component });
    picture.follow(ctx.path("picture"), ask());
    film.caption.textContent = `z${component} from -3 to 3`;
    clearTimeout(waiting); // nine pictures: not while one drags
    waiting = setTimeout(() => film.show(ctx.path("components/traversal"), { ...ask(), component }), REST);
  }
  const values = ctx.slot(async (response) => {
    const z = (await response.json()).values;
    for (const { i, range, value } of rows) {
      const now = state.set.get(String(i)) ?? z[i]; // it may have been moved meanwhile
      range.min = Math.min(-3, Math.floor(now));
      range.max = Math.max(3, Math.ceil(now));
      range.value = now;
      value.textContent = now.toFixed(2);
    }
  });
  function refresh() {
    values(ctx.path("code"), ask());
    draw();
    buttons();
  }
  function step(from, to) {
    if (!from.length) return;
    to.push([state.code, unpaired(state.set)]);
    const [code, set] = from.pop();
    [state.code, state.set] = [code, pairs(set)];
    refresh();
  }
  function renew(code) { // locked components stay as they are
    keep();
    const held = rows.filter(({ i }) => locked.has(String(i))).map(({ i, range }) => [String(i), Number(range.value)]);
    [state.code, state.set] = [code, new Map(held)];
    refresh();
  }
  const undo = h("button", { textContent: "undo", onclick: () => step(past, future) });
  const redo = h("button", { textContent: "redo", onclick: () => step(future, past) });
  const buttons = () => { undo.disabled = !past.length; redo.disabled = !future.length; };
  const random = h("button", { textContent: "random", onclick: () => renew(`seed:${anySeed()}`) });
  const reset = h("button", { textContent: "reset", onclick: () => { keep(); state.set = new Map(); refresh(); } });
  const search = h("input", { type: "search", placeholder: "z12", value: ctx.get("find"), size: 6 });
  search.oninput = () => {
    ctx.put({ find: search.value });
    for (const { i, node } of rows) node.style.display = `z${i}`.includes(search.value.trim()) ? "" : "none";
  };
  const tools = h("div", { className: "row" }, random, reset, undo, redo, labelled("find", search), condition(ctx, refresh));
  const left = h("div", { className: "shown" }, picture.node, source(ctx, "Start from", state.code, renew));
  const right = h("div", {}, tools, film.node, note, sliders);
  box.append(h("div", { className: "split" }, left, right));
  search.oninput();
  refresh();
  measuring.then(sort, (error) => ctx.say(error.message));
  return { unmount: () => { gone = true; clearTimeout(waiting); } };
}
