// Volume: one slice in each direction of a 3-D sample, with centre and width of the window.
import { h, labelled } from "../dom.js";
import { condition, source } from "../sources.js";

export async function mount(box, ctx) {
  const { axes, shape, low, high, unit } = await ctx.json("volume/about");
  let code = ctx.get("code", "seed:0");
  const number = (name, start) => h("input", { type: "number", step: 10, value: ctx.get(name, String(start)), oninput: () => draw() });
  const [centre, width] = [number("centre", (low + high) / 2), number("width", high - low)];
  const views = axes.map((axis, k) => {
    const slice = h("input", { type: "range", min: 0, max: shape[k] - 1, step: 1, "aria-label": `${axis} slice`, oninput: () => draw([k]) });
    slice.value = ctx.get(axis, String(Math.floor(shape[k] / 2)));
    return { axis, slice, picture: ctx.picture(axis) };
  });
  function draw(which = views.map((_, k) => k)) {
    ctx.put({ code, centre: centre.value, width: width.value, ...Object.fromEntries(views.map(({ axis, slice }) => [axis, slice.value])) });
    for (const { axis, slice, picture } of which.map((k) => views[k])) {
      picture.caption.textContent = `${axis} ${slice.value}`;
      picture.show(ctx.path("volume/slice"), { code, axis, index: slice.value, centre: centre.value, width: width.value, y: ctx.get("y") });
    }
  }
  const cards = views.map(({ slice, picture }) => h("div", {}, picture.node, slice));
  box.append(h("div", { className: "row" }, labelled(`centre (${unit})`, centre), labelled("width", width), condition(ctx, draw)),
    h("div", { className: "three" }, ...cards), source(ctx, "Sample", code, (name) => { code = name; draw(); }, { uploads: false }));
  draw();
}
