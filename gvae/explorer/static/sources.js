// Where a code comes from: a seed, an image of the data, or a picture that one has; and the condition of a conditional model.
import { anySeed, choice, h, labelled } from "./dom.js";

/**
 * Controls that choose a source; `change(name)` gets it. `images` leaves seeds out, `only` leaves uploads out.
 */
export function source(ctx, title, value, change, { images = false, uploads = true } = {}) {
  const [kind, which] = [value.split(":")[0], value.slice(value.indexOf(":") + 1)];
  const number = (start) => h("input", { type: "number", min: 0, step: 1, value: start });
  const seed = number(kind === "seed" ? which : 0);
  const image = number(kind === "test" ? which : 0);
  seed.oninput = () => seed.value !== "" && change(`seed:${seed.value}`);
  image.oninput = () => image.value !== "" && change(`test:${image.value}`);
  const random = h("button", { textContent: "random", onclick: () => { seed.value = anySeed(); change(`seed:${seed.value}`); } });
  const file = h("input", { type: "file", accept: "image/*", "aria-label": `${title}: your picture` });
  const send = async (chosen) => {
    try {
      if (chosen) change(await ctx.upload(chosen));
    } catch (error) {
      ctx.say(error.message);
    }
  };
  file.onchange = () => send(file.files[0]);
  const box = h("fieldset", {}, h("legend", { textContent: title }));
  if (!images) box.append(h("div", { className: "row" }, labelled("seed", seed), random));
  if (images || ctx.run.encodes) box.append(h("div", { className: "row" }, labelled("test image", image)));
  if (uploads && ctx.run.uploads && (images || ctx.run.encodes)) {
    box.append(h("div", { className: "row" }, labelled("your picture", file)));
    box.ondragover = (event) => { event.preventDefault(); box.classList.add("drop"); };
    box.ondragleave = () => box.classList.remove("drop");
    box.ondrop = (event) => { event.preventDefault(); box.classList.remove("drop"); send(event.dataTransfer.files[0]); };
  }
  return box;
}

/** Controls of the condition: one class, or any of the attributes; nothing for unconditional models. */
export function condition(ctx, change) {
  const names = ctx.run.conditions;
  if (!names.length) return null;
  const now = ctx.get("y");
  if (ctx.run.classes) {
    const node = choice(names.map((name, i) => [String(i), name]), now || "0", (y) => { ctx.put({ y }); change(); });
    node.id = "class";
    return labelled("class", node);
  }
  const boxes = names.map((name, i) => h("input", { type: "checkbox", checked: now[i] === "1" }));
  const read = () => { ctx.put({ y: boxes.map((box) => Number(box.checked)).join("") }); change(); };
  boxes.forEach((box) => { box.onchange = read; });
  const rows = names.map((name, i) => h("label", {}, boxes[i], ` ${name} `));
  return h("details", {}, h("summary", { textContent: "attributes" }), h("div", { className: "row" }, ...rows));
}
