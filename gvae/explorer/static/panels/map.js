// Map: the codes of held-out images; the picture under the pointer follows, the wheel changes the class, a click pins.
import { choice, h, labelled } from "../dom.js";
import { condition } from "../sources.js";

const TONES = ["#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#9c755f", "#edc948", "#76b7b2", "#ff9da7", "#8d8d8d"];
const tone = (label, count) => (count <= TONES.length ? TONES[label] : `hsl(${(360 * label) / count} 60% 50%)`);

export async function mount(box, ctx) {
  const axes = { across: ctx.get("across", "0"), up: ctx.get("up", "1") };
  let through = ctx.get("through", "nearest");
  const found = await ctx.json("map/points", axes);
  const { points, labels, classes } = found;
  const edges = [0, 1].map((k) => {
    const values = points.map((point) => point[k]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return [low - 0.05 * (high - low), high + 0.05 * (high - low)];
  });
  const canvas = h("canvas", { className: "map", tabIndex: 0, role: "application", "aria-label": "map; arrows move, enter pins, page up and down change the class" });
  const picture = ctx.picture("under the pointer", { large: true });
  const lies = h("p", { id: "lies" });
  const where = [0, 1].map((k) => Number(ctx.get("uv"[k], String((edges[k][0] + edges[k][1]) / 2))));
  const pins = [];
  const screen = (point) => [0, 1].map((k) => {
    const part = (point[k] - edges[k][0]) / (edges[k][1] - edges[k][0]);
    return (k ? 1 - part : part) * (k ? canvas.height : canvas.width);
  });
  const base = document.createElement("canvas"); // the points, drawn once for each size
  function lay() {
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((side) => Math.max(200, Math.round(side * devicePixelRatio)));
    [canvas.width, canvas.height, base.width, base.height] = [width, height, width, height];
    const pen = base.getContext("2d");
    points.forEach((point, i) => {
      const [x, y] = screen(point);
      pen.fillStyle = labels.length ? tone(labels[i], classes.length) : TONES[0];
      pen.beginPath();
      pen.arc(x, y, Math.max(2, Math.min(width, height) / 220), 0, 7);
      pen.fill();
    });
    mark();
  }
  function mark() {
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(base, 0, 0);
    pen.strokeStyle = getComputedStyle(canvas).color;
    pen.lineWidth = 2;
    const [x, y] = screen(where);
    pen.strokeRect(x - 6, y - 6, 12, 12);
    for (const pin of pins) {
      const [px, py] = screen(pin.where);
      pen.beginPath();
      pen.arc(px, py, 9, 0, 7);
      pen.stroke();
    }
  }
  const ask = () => ({ ...axes, through, u: where[0], v: where[1], y: ctx.get("y") });
  function draw() {
    mark();
    ctx.put(ask());
    let near = 0;
    let best = Infinity;
    points.forEach((point, i) => {
      const distance = (point[0] - where[0]) ** 2 + (point[1] - where[1]) ** 2;
      if (distance < best) [near, best] = [i, distance];
    });
    lies.textContent = labels.length ? `Nearest image: ${classes[labels[near]]}` : "";
    picture.follow(ctx.path("map/at"), ask());
  }
  function move(event) {
    const place = canvas.getBoundingClientRect();
    const part = [(event.clientX - place.left) / place.width, 1 - (event.clientY - place.top) / place.height];
    for (const k of [0, 1]) where[k] = edges[k][0] + part[k] * (edges[k][1] - edges[k][0]);
    draw();
  }
  async function pin() {
    const at = [...where];
    const asked = ask();
    try {
      const { code } = await ctx.json("map/code", asked);
      const shown = ctx.picture(`pin ${pins.length + 1}`);
      shown.show(ctx.path("picture"), { code, y: asked.y });
      pins.push({ where: at, code });
      cards.append(shown.node);
      morph.disabled = pins.length < 2;
      mark();
    } catch (error) {
      ctx.say(error.message);
    }
  }
  function turn(by) {
    const select = document.getElementById("class");
    if (!select) return false;
    const count = select.options.length;
    select.value = String((Number(select.value) + by + count) % count);
    select.onchange();
    return true;
  }
  const cards = h("div", { className: "cards" });
  const morph = h("button", { textContent: "morph the last two pins", disabled: true, onclick: () => {
    const [a, b] = pins.slice(-2);
    ctx.open("morph", { a: a.code, b: b.code, ...(ctx.get("y") ? { y: ctx.get("y") } : {}) });
  } });
  canvas.onpointermove = move;
  canvas.onpointerdown = move;
  canvas.onclick = pin;
  canvas.onwheel = (event) => turn(Math.sign(event.deltaY)) && event.preventDefault();
  canvas.onkeydown = (event) => {
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1] };
    if (event.key in moves) {
      const [k, sign] = moves[event.key];
      where[k] += (sign * (edges[k][1] - edges[k][0])) / 50;
      draw();
    } else if (event.key === "Enter") pin();
    else if (event.key === "PageUp" || event.key === "PageDown") turn(event.key === "PageUp" ? -1 : 1);
    else return;
    event.preventDefault();
  };
  const numbers = Array.from({ length: found.axes }, (_, k) => [String(k), `${found.own ? "z" : "axis "}${k}`]);
  const axis = (name) => labelled(name, choice(numbers, axes[name], (value) => {
    const other = name === "across" ? "up" : "across";
    ctx.put({ [name]: value, ...(value === axes[other] ? { [other]: axes[name] } : {}), u: "", v: "" });
    ctx.remount();
  }));
  const bases = choice([["nearest", "the nearest image"], ["mean", "the mean"]], through, (value) => { through = value; draw(); });
  const tools = h("div", { className: "row" }, axis("across"), axis("up"), found.own ? null : labelled("laid through", bases), condition(ctx, draw), morph);
  const legend = h("div", { className: "legend" }, ...(labels.length ? classes : []).map((name, i) => {
    const dot = h("i");
    dot.style.background = tone(i, classes.length);
    return h("span", {}, dot, name);
  }));
  const left = h("div", { className: "shown" }, picture.node, lies);
  box.append(h("div", { className: "split" }, left, h("div", {}, tools, canvas, legend, h("h3", { textContent: "Pins" }), cards)));
  const watcher = new ResizeObserver(lay);
  watcher.observe(canvas);
  lay();
  draw();
  return { unmount: () => watcher.disconnect() };
}
