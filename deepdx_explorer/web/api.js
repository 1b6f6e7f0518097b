// Calls of the HTTP API. A failed call throws an ApiError with the server's reason.

/** A call that failed. status: the server's answer, 0 if there was none. */
export class ApiError extends Error {
  /** @param {string} message @param {number} [status] */
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/**
 * @param {string} path below /api @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
export async function call(path, options) {
  let response;
  try {
    response = await fetch(`/api/${path}`, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The explorer does not answer. Is `deepdx explore` still running?");
  }
  if (response.ok) return response;
  let reason = `${response.status} ${response.statusText}`;
  try {
    reason = (await response.json()).error ?? reason;
  } catch {
    // not JSON
  }
  throw new ApiError(reason, response.status);
}

/** @param {string} path @param {AbortSignal} [signal] */
export const get = async (path, signal) => (await call(path, { signal })).json();

const sender = (method) => async (path, body) => {
  const options = { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  return (await call(path, options)).json();
};

export const post = sender("POST");
export const put = sender("PUT");
export const remove = async (path) => (await call(path, { method: "DELETE" })).json();

/** Send bytes, and return the answer. @param {string} path @param {Blob | ArrayBuffer} body */
export const upload = async (path, body) => (await call(path, { method: "POST", body })).json();

/** Return the bytes of an answer to JSON. @param {string} path @param {object} body */
export async function postForBytes(path, body) {
  const options = { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  return new Uint8Array(await (await call(path, options)).arrayBuffer());
}

/** Return a query string of values and lists, without empty ones. @param {Record<string, any>} values */
export function query(values) {
  const pairs = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== "" && one !== null && one !== undefined) pairs.append(key, one);
    }
  }
  return pairs.toString();
}

/** Let the browser save bytes as a file. @param {Uint8Array} bytes @param {string} name */
export function save(bytes, name) {
  const address = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
