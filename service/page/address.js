/** The address bar: `#/score?text=...&model=...` names a section and everything that it shows. */

/** Longer addresses are cut off by mail programs and some browsers. */
const LONGEST = 16_000;

/** Section and parameters of the present address. */
export function readAddress() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  return { section: path, params: new URLSearchParams(query) };
}

/**
 * Let the address name what is on the screen.
 *
 * @param {string} section
 * @param {URLSearchParams} params
 * @param {{replace?: boolean}} [options] replace: not a step to go back to.
 * @returns {boolean} False if that is too much for an address, which then names the section alone.
 */
export function writeAddress(section, params, { replace = false } = {}) {
  const query = params.toString();
  const fits = query.length <= LONGEST;
  const hash = `#/${section}${query && fits ? `?${query}` : ""}`;
  if (hash !== location.hash) history[replace ? "replaceState" : "pushState"](null, "", hash);
  document.dispatchEvent(new CustomEvent("addresschange", { detail: { section, hash } }));
  return fits;
}
