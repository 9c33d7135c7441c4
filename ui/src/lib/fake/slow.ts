import type { Backend } from "../backend";

/** How long each answer takes, in milliseconds: in turn, so that later answers overtake earlier ones. */
const TIMES = [30, 80, 45, 65, 35, 75, 55];

/** The same backend, with answers that take their time, as they do across a process boundary. */
export function slowed(backend: Backend): Backend {
  let turn = 0;
  return new Proxy(backend, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      if (name === "onChanged") return value.bind(target);
      return async (...args: unknown[]): Promise<unknown> => {
        const time = TIMES[turn++ % TIMES.length];
        await new Promise((done) => setTimeout(done, time));
        return Reflect.apply(value, target, args) as unknown;
      };
    },
  });
}
