/** Asking the service, and what went wrong in words that a person understands. */

const KEY = "api-key";

/** The API key that a person gave, until the tab is closed; null if there is none. */
function storedKey() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null; // storage may be forbidden
  }
}

/** @param {string} key Sent with every request from now on. */
export function storeKey(key) {
  try {
    sessionStorage.setItem(KEY, key);
  } catch {
    // then the service goes on asking for it
  }
}

/** The service said no, or could not be reached. */
export class Problem extends Error {
  /**
   * @param {number} status HTTP's, 0 if the service could not be reached.
   * @param {object} [body] As application/problem+json.
   * @param {string|null} [retryAfter] Seconds.
   */
  constructor(status, body = {}, retryAfter = null) {
    super(sentence(status, body, retryAfter));
    this.status = status;
  }
}

/**
 * Ask for JSON, or post JSON and get JSON.
 *
 * @param {string} path Relative, so that the page also works below a prefix.
 * @param {{body?: object, signal?: AbortSignal}} [options]
 * @throws {Problem} Unless the answer is one of success; an aborted request throws an AbortError.
 */
export async function ask(path, options) {
  return (await send(path, options)).json();
}

/** The same for text. */
export async function askText(path, options) {
  return (await send(path, options)).text();
}

async function send(path, { body, signal } = {}) {
  const init = { signal, cache: "no-store", headers: {} };
  const key = storedKey();
  if (key) init.headers["X-API-Key"] = key;
  if (body !== undefined) {
    init.method = "POST";
    init.headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0);
  }
  if (!response.ok) {
    if (response.status === 401 || response.status === 403) document.dispatchEvent(new Event("keywanted"));
    const problem = await response.json().catch(() => ({}));
    throw new Problem(response.status, problem, response.headers.get("Retry-After"));
  }
  return response;
}

function sentence(status, body, retryAfter) {
  const details = (body.errors ?? []).map((error) => `${fieldName(error.path)}: ${error.message}`).join("; ");
  const said = details || body.detail || "";
  const soon = retryAfter ? `in ${retryAfter} s` : "in a moment";
  switch (status) {
    case 0:
      return "The service cannot be reached. Is it still running, and are you online?";
    case 401:
      return "The service needs an API key. Give yours above.";
    case 403:
      return "The service does not know this API key. Give another one above.";
    case 404:
      return `The service no longer has this: ${said}. Choose among the models listed now.`;
    case 413:
      return `This is too long for the service: ${said}. Shorten it and try again.`;
    case 400:
    case 422:
      return `The service cannot work with this: ${said}.`;
    case 429:
      return `The service takes no more for now: ${said}.`;
    case 503:
      return `No model can answer now: ${said}. Try again ${soon}.`;
    case 504:
      return "The answer took longer than the service allows, so it gave up. Try a shorter text, or again later.";
    default:
      return `The service failed (${status}). Its log has the reason under request ${body.request_id ?? "unknown"}.`;
  }
}

/** `request.texts[2]` -> "Text 3". */
function fieldName(path) {
  const field = path.replace(/^request\./, "");
  const text = /^texts\[(\d+)\]$/.exec(field);
  if (text) return `Text ${Number(text[1]) + 1}`;
  const names = { context: "The passage", question: "The question", texts: "The texts", top_k: "The number shown" };
  if (/^models(\[\d+\])?$/.test(field)) return "The models";
  return names[field] ?? field;
}
