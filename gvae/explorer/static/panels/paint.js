// Paint: the code as a grid of gray cells; black is -3, white is 3. One paints with the pointer or the keyboard.
import { anySeed, h, labelled, packed } from "../dom.js";

const RANGE = 3;

export async function mount(box, ctx) {
  const count = ctx.run.latent;
  const columns = Math.ceil(Math.sqrt(count));
  const lines = Math.ceil(count / columns);
  let z = (await ctx.json("code", { code: ctx.get("code", "seed:0"), y: ctx.get("y") })).values;
  let cursor = 0;
  const picture = ctx.picture("painted", { large: true });
  const brush = h("input", { type: "range", min: -RANGE, max: RANGE, step: 0.1, value: RANGE, "aria-label": "brush" });
  const cell = h("output");
  const cells = h("canvas", { className: "cells", width: columns * 16, height: lines * 16, tabIndex: 0, role: "application",
    "aria-label": "cells of the code; arrows move, + and - change, space paints" });
  function draw() {
    const pen = cells.getContext("2d");
    pen.clearRect(0, 0, cells.width, cells.height);
    z.forEach((value, i) => {
      const gray = Math.round(255 * Math.min(1, Math.max(0, (value + RANGE) / (2 * RANGE))));
      pen.fillStyle = `rgb(${gray},${gray},${gray})`;
      pen.fillRect((i % columns) * 16, Math.floor(i / columns) * 16, 15, 15);
    });
    pen.strokeStyle = "#e8912d";
    pen.lineWidth = 2;
    pen.strokeRect((cursor % columns) * 16 + 1, Math.floor(cursor / columns) * 16 + 1, 13, 13);
    cell.textContent = `z${cursor} = ${z[cursor].toFixed(2)}`;
    const code = packed(z);
    ctx.put({ code });
    picture.follow(ctx.path("picture"), { code, y: ctx.get("y") });
  }
  function set(i, value) {
    if (i < 0 || i >= count) return;
    cursor = i;
    z[i] = Math.min(RANGE, Math.max(-RANGE, value));
    draw();
  }
  function touch(event) {
    const place = cells.getBoundingClientRect();
    const column = Math.floor(((event.clientX - place.left) / place.width) * columns);
    const line = Math.floor(((event.clientY - place.top) / place.height) * lines);
    if (column >= 0 && column < columns && line >= 0 && line < lines) set(line * columns + column, Number(brush.value));
  }
  cells.onpointerdown = (event) => { cells.setPointerCapture(event.pointerId); touch(event); };
  cells.onpointermove = (event) => event.buttons && touch(event);
  cells.onkeydown = (event) => {
    const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    if (event.key in moves) cursor = Math.min(count - 1, Math.max(0, cursor + moves[event.key]));
    else if (event.key === "+" || event.key === "-") z[cursor] = Math.min(RANGE, Math.max(-RANGE, z[cursor] + (event.key === "+" ? 0.25 : -0.25)));
    else if (event.key === " ") z[cursor] = Number(brush.value);
    else return;
    event.preventDefault();
    draw();
  };
  const fill = (value) => { z = z.map(() => value); draw(); };
  const random = async () => {
    try {
      z = (await ctx.json("code", { code: `seed:${anySeed()}`, y: ctx.get("y") })).values;
      draw();
    } catch (error) {
      ctx.say(error.message);
    }
  };
  const tools = h("div", { className: "row" }, labelled("brush", brush), h("button", { textContent: "random", onclick: random }),
    h("button", { textContent: "all gray", onclick: () => fill(0) }), cell);
  box.append(h("div", { className: "split" }, h("div", { className: "shown" }, picture.node), h("div", {}, tools, cells)));
  draw();
}
