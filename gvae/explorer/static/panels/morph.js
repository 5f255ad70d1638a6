// Morph: two codes, the path between them, a scrubber, all steps in a row, and animations to save.
import { anySeed, choice, h, labelled, save } from "../dom.js";
import { address, fetched } from "../net.js";
import { condition, source } from "../sources.js";

export async function mount(box, ctx) {
  const { steps, kinds, best } = await ctx.json("morph/about");
  const images = ctx.run.encodes;
  const state = { a: ctx.get("a", images ? "test:0" : "seed:0"), b: ctx.get("b", images ? "test:1" : "seed:1"), path: ctx.get("path", "auto") };
  const step = h("input", { type: "range", min: 0, max: steps - 1, step: 1, value: ctx.get("step", "0"), "aria-label": "step of the morph" });
  const now = ctx.picture("morph", { large: true });
  const row = ctx.picture("morph strip", { title: "" });
  const ask = () => ({ a: state.a, b: state.b, path: state.path, y: ctx.get("y") });
  const scrub = () => { ctx.put({ ...ask(), step: step.value }); now.show(ctx.path("morph/at"), { ...ask(), step: step.value }); };
  const renew = () => { row.show(ctx.path("morph/row"), ask()); scrub(); };
  step.oninput = scrub;
  // a picture that was sent goes into the address as its code, so that the address outlives it
  const from = (which) => async (name) => {
    state[which] = name;
    try {
      if (name.startsWith("up:")) state[which] = (await ctx.json("code", { code: name, y: ctx.get("y") })).code;
      renew();
    } catch (error) {
      ctx.say(error.message);
    }
  };
  let playing = 0;
  const play = h("button", { textContent: "play", "aria-pressed": "false" });
  play.onclick = () => {
    let direction = 1;
    if (playing) { clearInterval(playing); playing = 0; }
    else {
      playing = setInterval(() => {
        const next = Number(step.value) + direction;
        if (next <= 0 || next >= steps - 1) direction = -direction;
        step.value = next;
        scrub();
      }, 40);
    }
    play.setAttribute("aria-pressed", String(Boolean(playing)));
  };
  const animation = (format) => h("button", {
    textContent: `save ${format.toUpperCase()}`,
    onclick: async () => {
      try {
        save(await (await fetched(address(ctx.path("morph/animation"), { ...ask(), format }))).blob(), `morph.${format}`);
      } catch (error) {
        ctx.say(error.message);
      }
    },
  });
  const swap = h("button", { textContent: "random pair", onclick: () => { state.a = `seed:${anySeed()}`; state.b = `seed:${anySeed()}`; renew(); } });
  const paths = choice(kinds.map((kind) => [kind, kind === "auto" ? `auto (${best})` : kind]), state.path, (path) => { state.path = path; renew(); });
  const tools = h("div", { className: "row" }, labelled("path", paths), swap, animation("gif"), animation("webp"), condition(ctx, renew));
  const left = h("div", { className: "shown" }, now.node, h("div", { className: "row" }, step, play));
  const right = h("div", {}, tools, row.node, source(ctx, "From", state.a, from("a")), source(ctx, "To", state.b, from("b")));
  box.append(h("div", { className: "split" }, left, right));
  renew();
  return { unmount: () => clearInterval(playing) };
}
