// Neighbours: the nearest training images of a sample, beside how near held-out images come.
import { choice, h, labelled } from "../dom.js";
import { condition, source } from "../sources.js";

export function mount(box, ctx) {
  let [code, by] = [ctx.get("code", "seed:0"), ctx.get("by", "pixels")];
  const verdict = h("p");
  const cards = h("div", { className: "cards" });
  const card = (title, address) => h("figure", {}, h("img", { src: address, alt: title }), h("figcaption", { textContent: title }));
  const ask = ctx.slot(async (response) => {
    const found = await response.json();
    const held = found.held_out.map((value) => value.toPrecision(3));
    verdict.textContent = `${found.verdict} Searched: ${found.searched.toLocaleString("en")} training images.`
      + (held.length ? ` Held-out images: 5 % nearer than ${held[0]}, half nearer than ${held[2]}, 95 % nearer than ${held[4]}.` : "");
    cards.replaceChildren(card("this one", found.picture), ...found.near.map((near) => card(`${near.image}: ${near.distance.toPrecision(3)}`, near.picture)));
  });
  const draw = () => {
    ctx.put({ code, by });
    verdict.textContent = "Searching; the first time all training images are read.";
    ask(ctx.path("neighbours/nearest"), { code, by, y: ctx.get("y") });
  };
  const kinds = choice([["pixels", "pixels (root mean square on [0, 1])"], ["features", "features"]], by, (value) => { by = value; draw(); });
  box.append(h("div", { className: "row" }, labelled("distance of", kinds), condition(ctx, draw)), verdict, cards,
    source(ctx, "Sample", code, (name) => { code = name; draw(); }, { uploads: false }));
  draw();
}
