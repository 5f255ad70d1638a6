// The frame of the page: which run and which view, the address that says so, and what all views share.
import { h, save } from "./dom.js";
import { address, fetched, slot } from "./net.js";

const $ = (id) => document.getElementById(id);
const REST = 150; // milliseconds without a movement, after which a draft gives way to the picture itself
const WAIT = 250; // milliseconds between two changes of the address: browsers allow few
let known; // runs and views
let shown = null; // the view that is mounted
let words = new URLSearchParams();
let timer = 0;

const sentences = new Map(); // what each part of the page has to say

/** Show a sentence, or with "" take back what the same part has said; a success clears the last error. */
function say(sentence, from = "page") {
  if (sentence) sentences.set(from, sentence);
  else [from, "page", "connection"].forEach((key) => sentences.delete(key));
  const [first = ""] = sentences.values();
  if ($("status").textContent !== first) $("status").textContent = first;
}

function write() {
  clearTimeout(timer);
  timer = 0;
  history.replaceState(null, "", `#${words}`);
  for (const link of $("views").children) link.href = linkTo(link.dataset.view);
}

/** What a view may know and do; views have nothing else in common. */
function context(run, number) {
  return {
    run, number, runs: known.runs, say,
    get: (name, fallback = "") => words.get(name) ?? fallback,
    put(given) {
      for (const [name, value] of Object.entries(given)) {
        if (value === "" || value == null) words.delete(name);
        else words.set(name, value);
      }
      if (!timer) timer = setTimeout(write, WAIT);
    },
    path: (question, of = number) => `api/${of}/${question}`,
    async json(question, given = {}) {
      const response = await fetched(address(`api/${number}/${question}`, given));
      return response.json();
    },
    picture: (label, options) => picture(label, { drafts: run.drafts, ...options }),
    slot: (take) => slot(take, say),
    open(view, given) { // another view with another state
      location.hash = `#${new URLSearchParams({ run: number, panel: view, ...given })}`;
    },
    remount: () => { write(); mount(); },
    async upload(file) {
      const response = await fetched(`api/${number}/upload`, { method: "POST", body: file });
      return (await response.json()).name;
    },
  };
}

/**
 * A picture with a caption and a way to save it; `show` asks for it, the newest request wins. `follow` is for what changes many
 * times a second: it asks for drafts, where they are faster, and for the picture itself when the movement rests. The canvas
 * says which request it has painted (data-painted) and which is the newest (data-request): the same number when nothing older is
 * on show.
 */
function picture(label, { large = false, title = label, drafts = false } = {}) {
  let rest = 0;
  const canvas = h("canvas", { width: 1, height: 1, className: large ? "large" : "", role: "img", "aria-label": label });
  const caption = h("span", { textContent: title });
  const button = h("button", {
    textContent: "save", "aria-label": `Save ${label}`,
    onclick: () => canvas.toBlob((blob) => save(blob, `${label.replace(/\W+/g, "-")}.png`)),
  });
  const node = h("figure", {}, canvas, h("figcaption", {}, caption, button));
  const paint = async (blob, number = 0) => {
    const image = await createImageBitmap(blob);
    const same = canvas.width === image.width && canvas.height === image.height;
    if (!same) [canvas.width, canvas.height] = [image.width, image.height]; // which lays out the page anew
    const plane = canvas.getContext("2d");
    plane.clearRect(0, 0, canvas.width, canvas.height);
    plane.drawImage(image, 0, 0);
    canvas.dataset.painted = number;
  };
  const ask = slot(async (response, number) => {
    const asked = new URL(response.url);
    await paint(await response.blob(), number);
    canvas.dataset.address = asked.pathname + asked.search;
  }, say);
  const show = (path, words) => {
    clearTimeout(rest);
    canvas.dataset.request = ask(path, words);
  };
  const follow = (path, words) => {
    show(path, drafts ? { ...words, draft: 1 } : words);
    if (drafts) rest = setTimeout(() => show(path, words), REST);
  };
  return { node, canvas, caption, paint, show, follow };
}

function linkTo(view) {
  const own = view === words.get("panel") ? words : new URLSearchParams({ run: words.get("run") || 0, panel: view });
  return `#${own}`;
}

/** Show what the address says. */
async function mount() {
  shown?.unmount?.();
  shown = null;
  sentences.clear();
  say("");
  words = new URLSearchParams(location.hash.slice(1));
  const number = Math.min(Math.max(Number(words.get("run")) || 0, 0), known.runs.length - 1);
  const run = known.runs[number];
  const views = known.panels.filter((panel) => run.panels.includes(panel.name));
  const view = views.find((panel) => panel.name === words.get("panel")) || views[0];
  words.set("run", number);
  words.set("panel", view.name);
  $("run").value = number;
  $("facts").textContent = `${run.model} on ${run.data}, ${run.shape.join(" x ")}, codes of ${run.latent} numbers`;
  $("views").replaceChildren(...views.map((panel) => {
    const link = h("a", { textContent: panel.title, href: linkTo(panel.name) });
    link.dataset.view = panel.name;
    if (panel === view) link.setAttribute("aria-current", "page");
    return link;
  }));
  document.title = `${view.title} - ${run.name} - gvae explore`;
  const box = h("section", {}, h("h2", { textContent: view.title }), h("p", { className: "quiet", textContent: view.about }));
  $("panel").replaceChildren(box);
  try {
    const module = await import(`./panels/${view.name}.js`);
    const mounted = await module.mount(box, context(run, number));
    if (box.isConnected) shown = mounted;
    else mounted?.unmount?.();
    box.dataset.ready = "yes";
  } catch (error) {
    say(error.message);
  }
}

/** Say on the page what has become of the run meanwhile. */
async function watch() {
  try {
    const response = await fetched(`api/${$("run").value}/facts`);
    const { stale } = await response.json();
    say(stale, "run");
  } catch (error) {
    say(error.message, error.from || "run");
  }
}

async function start() {
  try {
    known = await (await fetched("api/runs")).json();
  } catch (error) {
    say(error.message);
    return;
  }
  $("run").replaceChildren(...known.runs.map((run, i) => h("option", { value: i, textContent: run.name })));
  $("run").onchange = () => { location.hash = `#${new URLSearchParams({ run: $("run").value, panel: words.get("panel") })}`; };
  window.addEventListener("hashchange", mount);
  setInterval(() => document.hidden || watch(), 15_000);
  await mount();
}

start();
