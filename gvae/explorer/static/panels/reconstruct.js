// Reconstruct: what the network sees of a picture, what comes back, the difference, and bounds of its likelihood.
import { h } from "../dom.js";
import { condition, source } from "../sources.js";

export function mount(box, ctx) {
  let code = ctx.get("code", "test:0");
  const pictures = Object.fromEntries(["original", "reconstruction", "difference"].map((name) => [name, ctx.picture(name)]));
  const facts = h("table");
  const line = (name, value) => h("tr", {}, h("th", { textContent: name }), h("td", { textContent: value }));
  const ask = ctx.slot(async (response) => {
    const found = await response.json();
    for (const [name, data] of Object.entries(found.pictures)) {
      const bytes = Uint8Array.from(atob(data.split(",")[1]), (letter) => letter.charCodeAt(0));
      await pictures[name].paint(new Blob([bytes], { type: "image/png" }));
    }
    const bounds = Object.entries(found.bounds).map(([name, value]) => line(name, `${value.toFixed(2)} nats`));
    facts.replaceChildren(line("mean squared error per value on [0, 1]", found.mse.toExponential(2)), ...bounds);
    edit.onclick = () => ctx.open("components", { code: found.code });
  });
  const draw = () => { ctx.put({ code }); ask(ctx.path("reconstruct/all"), { code, y: ctx.get("y") }); };
  const edit = h("button", { textContent: "move its components" });
  const chooser = source(ctx, "Picture", code, (name) => { code = name; draw(); }, { images: true });
  box.append(
    h("div", { className: "three", id: "reconstruct" }, ...Object.values(pictures).map(({ node }) => node)),
    h("p", { className: "quiet", textContent: "The difference is gray where the two are alike. Bounds lie below log p(x)." }),
    facts, h("div", { className: "row" }, edit, condition(ctx, draw)), chooser,
  );
  draw();
}
