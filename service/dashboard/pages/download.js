// A file that the service makes, saved by the browser; a plain link could not carry a token.

import { ask } from "../access.js";
import { Refused } from "./api.js";
import { NO_ANSWER } from "./words.js";

export async function download(path, name) {
  const response = await ask(`api/v1/${path}`).catch(() => {
    throw new Refused({ title: NO_ANSWER });
  });
  if (!response.ok) throw new Refused(await response.json());
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(await response.blob());
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 60000); // the browser reads it at its leisure
  return true;
}
