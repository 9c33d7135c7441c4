import type { Code, Failure } from "../types";

/** What a command answers when it cannot. */
export function fail(code: Code, message: string, hint = ""): never {
  throw { code, message, hint } satisfies Failure;
}
