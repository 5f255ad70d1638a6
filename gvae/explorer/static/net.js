// Asking the server. The latest request wins: of each slot one request is under way, and only the newest request waits.

import { pause } from "./dom.js";

const CLIENT = Math.random().toString(36).slice(2);
const AGAIN = 1000; // milliseconds after which a request that nobody has answered is asked again
let slots = 0;
let active = 0; // requests under way, and answers that are not painted yet

function count(by) {
  active += by;
  document.body.setAttribute("aria-busy", String(active > 0));
}

/** The sentence of an answer that is not what was asked for. */
async function sentence(response) {
  try {
    return (await response.json()).error || `the explorer answered ${response.status}`;
  } catch {
    return `the explorer answered ${response.status}`;
  }
}

/** Fetch, or throw an Error with a sentence; one whose `from` is "connection" if nobody answers. */
export async function fetched(address, options) {
  let response;
  count(1);
  try {
    response = await fetch(address, options);
  } catch {
    const lost = new Error("no connection: gvae explore has ended, or the way to it is cut; start it again and go on");
    throw Object.assign(lost, { from: "connection" });
  } finally {
    count(-1);
  }
  if (response.status === 409) return null; // something newer was asked for
  if (!response.ok) throw new Error(await sentence(response));
  return response;
}

/** An address with a query; empty words are left out. */
export function address(path, words = {}) {
  const given = Object.entries(words).filter(([, value]) => value !== "" && value != null);
  return `${path}?${new URLSearchParams(given)}`;
}

/**
 * A slot that asks one thing at a time and gives what came to `take(response, number)`; while one request is under way
 * newer requests replace each other. `fail` gets a sentence, or "" when all is well again, and the name of the slot.
 * Every request has a number, which asking returns. A request that nobody answers is asked again until there is a newer one.
 */
export function slot(take, fail) {
  const client = `${CLIENT}-${++slots}`;
  let request = null;
  let busy = false;
  let latest = 0;
  async function work() {
    busy = true;
    count(1);
    while (request) {
      const { path, words, number } = request;
      request = null;
      try {
        const response = await fetched(address(path, { ...words, client }));
        if (response) await take(response, number);
        fail("", client);
      } catch (error) {
        fail(error.message, error.from || client);
        if (error.from) await pause(AGAIN);
        if (error.from && !request) request = { path, words, number };
      }
    }
    busy = false;
    count(-1);
  }
  return (path, words) => {
    request = { path, words, number: ++latest };
    if (!busy) work();
    return latest;
  };
}
