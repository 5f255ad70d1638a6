// Training: curves of the log against images seen, and the grids that were drawn at a moment; read anew while it trains.
import { choice, h, labelled } from "../dom.js";
import { address } from "../net.js";

const EVERY = 3000; // milliseconds
const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [240, 110];

function shape(tag, given) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(given)) node.setAttribute(name, value);
  return node;
}
const short = (value) => Number(value.toPrecision(4)).toString();

/** One curve; a logarithmic axis where positive values span decades. `last` is the end of the axis, `mark` a moment. */
function chart(name, points, last, mark) {
  const values = points.map(([, value]) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const log = low > 0 && high / low > 30;
  const height = (value) => (log ? Math.log(value) : value);
  const span = height(high) - height(low) || 1;
  const x = (images) => (WIDTH * images) / (last || 1);
  const y = (value) => HEIGHT - 4 - ((HEIGHT - 8) * (height(value) - height(low))) / span;
  const svg = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${name}: ${short(low)} to ${short(high)}` });
  if (mark != null) svg.append(shape("line", { x1: x(mark), x2: x(mark), y1: 0, y2: HEIGHT }));
  svg.append(shape("polyline", { points: points.map(([images, value]) => `${x(images).toFixed(1)},${y(value).toFixed(1)}`).join(" ") }));
  const range = `${short(low)} to ${short(high)}${log ? ", log axis" : ""}; last ${short(values.at(-1))}`;
  return h("figure", { className: "chart" }, h("figcaption", {}, h("b", { textContent: name })), svg, h("small", { textContent: range }));
}

export function mount(box, ctx) {
  let found = null;
  let kind = ctx.get("kind", "samples");
  const charts = h("div", { className: "charts" });
  const seen = h("p", { className: "quiet" });
  const image = h("img", { alt: "grid of that moment" });
  const moment = h("input", { type: "range", min: 0, max: 0, step: 1, value: 0, "aria-label": "moment of the grid" });
  const when = h("output");
  let chosen = ctx.get("images") === "" ? null : Number(ctx.get("images"));
  function draw() {
    const grids = found[kind];
    const index = chosen === null ? grids.length - 1 : Math.max(0, grids.indexOf(chosen));
    const mark = grids[index] ?? null;
    const ends = Object.values(found.curves).map((points) => points.at(-1)[0]);
    const last = Math.max(0, ...ends, ...grids);
    seen.textContent = ends.length ? `Left to right: images seen, up to ${last.toLocaleString("en")}.` : "There are no curves yet.";
    charts.replaceChildren(...Object.entries(found.curves).map(([name, points]) => chart(name, points, last, mark)));
    [moment.max, moment.value] = [Math.max(0, grids.length - 1), Math.max(0, index)];
    moment.disabled = grids.length < 2;
    when.textContent = mark === null ? "no grids yet" : `after ${mark.toLocaleString("en")} images`;
    image.hidden = mark === null;
    const source = mark === null ? "" : address(ctx.path("training/grid"), { kind, images: mark });
    if (source && image.getAttribute("src") !== source) image.src = source;
  }
  moment.oninput = () => {
    const grids = found[kind];
    chosen = Number(moment.value) === grids.length - 1 ? null : grids[Number(moment.value)];
    ctx.put({ images: chosen });
    draw();
  };
  const read = ctx.slot(async (response) => { found = await response.json(); draw(); });
  const kinds = choice([["samples", "samples"], ["reconstructions", "reconstructions"]], kind, (value) => { kind = value; ctx.put({ kind }); if (found) draw(); });
  const left = h("div", {}, h("div", { className: "row" }, labelled("grids of", kinds), moment, when), h("figure", {}, image));
  box.append(h("div", { className: "split" }, left, h("div", {}, seen, charts)));
  read(ctx.path("training/curves"));
  const timer = setInterval(() => document.hidden || read(ctx.path("training/curves")), EVERY);
  return { unmount: () => clearInterval(timer) };
}
