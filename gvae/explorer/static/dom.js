// Small helpers that make elements, and packing of codes for addresses.

/** An element with properties and children: h("button", { onclick, "aria-label": "Save" }, "save"). */
export function h(tag, given = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name.includes("-") || name === "role" || name === "list") node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

/** A labelled control. */
export const labelled = (text, control) => h("label", {}, `${text} `, control);

/** A choice of [value, shown] pairs; `change` gets the value. */
export function choice(pairs, value, change) {
  const options = pairs.map(([key, shown]) => h("option", { value: key, textContent: shown }));
  const node = h("select", {}, ...options);
  node.value = value;
  node.onchange = () => change(node.value);
  return node;
}

/** Numbers as an address holds them: little-endian float32 in URL-safe base64. */
export function packed(values) {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, i) => view.setFloat32(4 * i, value, true));
  const text = Array.from(new Uint8Array(view.buffer), (byte) => String.fromCharCode(byte)).join("");
  return `z:${btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

/** "3:1.5,7:-2" as a Map, and back. */
export const pairs = (text) => new Map((text || "").split(",").filter(Boolean).map((part) => {
  const at = part.lastIndexOf(":");
  return [part.slice(0, at), Number(part.slice(at + 1))];
}));
export const unpaired = (map) => Array.from(map, ([name, value]) => `${name}:${value}`).join(",");

/** So many milliseconds from now. */
export const pause = (milliseconds) => new Promise((done) => { setTimeout(done, milliseconds); });

/** A random seed that is easily read out. */
export const anySeed = () => Math.floor(Math.random() * 1e6);

/** Save a blob under a name. */
export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
