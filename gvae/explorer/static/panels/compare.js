// Compare: the same seeds, or the same test images, through all runs.
import { anySeed, choice, h, labelled } from "../dom.js";

export function mount(box, ctx) {
  const kind = ctx.get("of", "seed");
  const count = Math.min(Math.max(Number(ctx.get("count", "6")) || 1, 1), 24);
  const start = h("input", { type: "number", min: 0, step: 1, value: ctx.get("start", "0") });
  const shown = ctx.runs.map((run, number) => {
    const fits = kind === "seed" || run.encodes;
    const pictures = fits ? Array.from({ length: count }, (_, k) => ctx.picture(`${run.name} ${k}`)) : [];
    const cards = h("div", { className: "cards" }, ...pictures.map(({ node }) => node));
    const note = fits ? null : h("p", { className: "quiet", textContent: "n/a (no encoder)" });
    return { number, pictures, node: h("section", {}, h("h3", { textContent: `${run.name} (${run.model})` }), note, cards) };
  });
  const draw = () => {
    ctx.put({ start: start.value });
    for (const { number, pictures } of shown) {
      pictures.forEach((picture, k) => {
        const code = `${kind}:${Number(start.value) + k}`;
        picture.caption.textContent = code.replace(":", " ");
        picture.show(ctx.path("picture", number), { code });
      });
    }
  };
  start.oninput = draw;
  const random = h("button", { textContent: "random", onclick: () => { start.value = kind === "seed" ? anySeed() : anySeed() % 100; draw(); } });
  const kinds = choice([["seed", "samples of seeds"], ["test", "reconstructions of test images"]], kind, (of) => { ctx.put({ of }); ctx.remount(); });
  const many = h("input", { type: "number", min: 1, max: 24, value: count, onchange: () => { ctx.put({ count: many.value }); ctx.remount(); } });
  box.append(h("div", { className: "row" }, labelled("show", kinds), labelled("from", start), labelled("how many", many), random), ...shown.map(({ node }) => node));
  draw();
}
