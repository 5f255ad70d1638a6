// Attributes: a box and a strength for every direction that the run keeps, added to one code.
import { h, pairs, unpaired } from "../dom.js";
import { condition, source } from "../sources.js";

const about = (row) => [
  row.method,
  row.auc == null ? "" : `AUC ${row.auc.toFixed(3)}`,
  row.positive ? `${row.positive} with, ${row.negative} without` : "",
  row.share == null ? "" : `${(100 * row.share).toFixed(1)} % of the change`,
].filter(Boolean).join(", ");

export async function mount(box, ctx) {
  const { directions, learn } = await ctx.json("attributes/known");
  if (!directions.length) {
    box.append(h("p", { textContent: "This run keeps no directions yet. Learn some in a terminal, then reload this page:" }), h("pre", { textContent: learn }));
    return;
  }
  let code = ctx.get("code", "seed:0");
  const added = pairs(ctx.get("add"));
  const before = ctx.picture("before");
  const after = ctx.picture("after", { large: true });
  let drawn = ""; // what `before` shows
  const draw = () => {
    const add = unpaired(added);
    ctx.put({ code, add });
    const y = ctx.get("y");
    if (drawn !== `${code} ${y}`) before.show(ctx.path("picture"), { code, y });
    drawn = `${code} ${y}`;
    after.follow(ctx.path("picture"), { code, add, y });
  };
  const rows = directions.map((row) => {
    const on = h("input", { type: "checkbox", checked: added.has(row.name) });
    const range = h("input", { type: "range", min: -3, max: 3, step: 0.05, value: added.get(row.name) ?? 1, "aria-label": `strength of ${row.name}` });
    const value = h("output", { textContent: Number(range.value).toFixed(2) });
    const change = () => {
      value.textContent = Number(range.value).toFixed(2);
      if (on.checked) added.set(row.name, Number(range.value));
      else added.delete(row.name);
      draw();
    };
    on.onchange = change;
    range.oninput = () => { on.checked = true; change(); };
    return h("div", { className: "slider", title: about(row) }, h("label", {}, on, ` ${row.name}`), range, value,
      h("small", { textContent: row.auc == null ? "" : `AUC ${row.auc.toFixed(2)}` }));
  });
  const take = async (name) => {
    code = name;
    try {
      if (name.startsWith("up:")) code = (await ctx.json("code", { code: name, y: ctx.get("y") })).code;
      draw();
    } catch (error) {
      ctx.say(error.message);
    }
  };
  const left = h("div", { className: "shown" }, after.node);
  const right = h("div", {}, h("div", { className: "row" }, condition(ctx, draw)), h("div", { className: "sliders" }, ...rows),
    source(ctx, "Start from", code, take), h("div", { className: "cards" }, before.node));
  box.append(h("div", { className: "split" }, left, right));
  draw();
}
