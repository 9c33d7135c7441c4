import type { DeviceView, NetworkView, ProxyMode, SignInResult } from "../types";
import { checked } from "./account";
import { fail } from "./failing";

const COMPANY = {
  name: "Example Inspection CA (Example)",
  fingerprint:
    "69:0A:74:4A:27:B9:B5:61:88:F1:93:E1:B0:4B:EF:C3:4B:5B:BC:DB:60:B8:2D:30:C6:D7:3A:53:EE:97:BD:24",
};

/** The sample's way to a forge. A host under `corp.example` lies behind an inspecting proxy. */
export class FakeNetwork {
  #settings: NetworkView = {
    proxy: "system",
    address: "",
    of_system: null,
    user: "",
    password_held: false,
    session_only: false,
    client_id: "",
    authorities: [],
    message: null,
  };

  #clients = new Map<string, string>();
  #begun: string | null = null;
  #end: ((forge: string | null) => void) | null = null;

  settings(forge: string): NetworkView {
    return {
      ...structuredClone(this.#settings),
      client_id: this.#clients.get(forge.trim()) ?? "",
      of_system: inside(forge) ? "proxy.corp.example:3128" : null,
    };
  }

  setClientId(forge: string, id: string): void {
    this.#clients.set(forge.trim(), id.trim());
  }

  begin(forge: string): DeviceView {
    this.giveUp();
    this.#begun = forge.trim();
    return { user_code: "WDJB-4711", page: `https://${this.#begun}/login/device` };
  }

  /** The forge at which the code was confirmed; null where it was given up. */
  confirmed(): Promise<string | null> {
    const forge = this.#begun;
    return new Promise((done) => {
      this.#end = done;
      setTimeout(() => done(forge), 2_000);
    });
  }

  giveUp(): void {
    this.#end?.(null);
    this.#end = null;
    this.#begun = null;
  }

  setProxy(proxy: ProxyMode, address: string, user: string, password: string): boolean {
    if (proxy === "at" && !/^https?:\/\/[^:/@]+:\d+$/u.test(address.trim())) {
      fail(
        "other",
        `${address} is no proxy's address: it has to name a host and a port, as in http://proxy.example:3128. The network's settings stay as they were.`,
        "Type it as http://proxy.example:3128.",
      );
    }
    const held =
      user !== "" && (password !== "" || (this.#settings.password_held && this.#settings.user === user));
    this.#settings = { ...this.#settings, proxy, address, user, password_held: held };
    return true;
  }

  addAuthority(): boolean {
    if (this.#settings.authorities.length > 0) {
      fail(
        "other",
        "All that is in this file is trusted already. Nothing was added.",
        "If the connection still fails, test it to see who issued the certificate.",
      );
    }
    this.#settings = { ...this.#settings, authorities: [COMPANY] };
    return true;
  }

  removeAuthority(): void {
    this.#settings = { ...this.#settings, authorities: [] };
  }

  test(forge: string, token: string, signedIn: boolean): SignInResult {
    const host = forge.trim();
    const proxied = inside(host);
    const steps = [
      proxied
        ? { name: "Proxy", ok: true, detail: "proxy.corp.example:3128 lets through (the system's)." }
        : { name: "Proxy", ok: true, detail: "None is used for this forge." },
      ...(proxied ? [] : [{ name: "Name", ok: true, detail: `${host} is 192.0.2.7.` }]),
      { name: "Connection", ok: true, detail: `To ${host}:443${proxied ? ", by the proxy" : ""}.` },
    ];
    if (proxied && this.#settings.authorities.length === 0) {
      const detail = `${host} was not asked: its certificate is issued by ${COMPANY.name}, which this machine does not trust. If your company's own authority issues it, or its proxy inspects traffic, ask IT for that authority's certificate and add it under Network. Otherwise somebody may be listening: do not go on.`;
      return { ok: false, steps: [...steps, { name: "Certificate", ok: false, detail }] };
    }
    const issuer = proxied ? COMPANY.name : "Example Root";
    steps.push(
      { name: "Certificate", ok: true, detail: `Trusted; issued by ${issuer}.` },
      {
        name: `${host} answers`,
        ok: true,
        detail: proxied ? "GitHub Enterprise Server 3.20.4." : "It is GitHub's interface.",
      },
      { name: "Clock", ok: true, detail: "It agrees with the forge's." },
    );
    if (token === "" && !signedIn) return { ok: true, steps };
    const result = checked(host, token === "" ? "the account's own" : token);
    const rest = result.steps.slice(1).filter((step) => !step.name.startsWith("Kept"));
    return { ok: result.ok, steps: [...steps, ...rest] };
  }
}

function inside(forge: string): boolean {
  return forge.trim().endsWith(".corp.example");
}
