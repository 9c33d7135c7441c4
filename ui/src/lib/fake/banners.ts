import type { Banner } from "../types";
import { count } from "../words";
import { said } from "./build";

/** What the queue says about its completeness. */
export function bannersOf(variant: string, held: number): Banner[] {
  const hidden: Banner = {
    kind: "hidden",
    message: said(
      "Changes in acme-labs are hidden until you renew its single sign-on.",
      "",
      "Renew it at the forge.",
    ),
    link: "https://github.com/orgs/acme-labs/sso",
    account: "first",
  };
  switch (variant) {
    case "":
      return [hidden];
    case "hostile":
      return [hidden, { ...hidden, link: "https://github.com/orgs/acme-lab5/sso" }];
    case "locked":
      return [
        {
          kind: "sign_in",
          message: said(
            "The keychain is locked, and the token is in it.",
            "What was read before is on this machine.",
            "Sign in again.",
          ),
          link: null,
          account: "first",
        },
      ];
    case "two-accounts":
      return [
        {
          kind: "offline",
          message: said(
            "ghe.example.com cannot be reached: no route to it.",
            "What was read before is on this machine; you can read and decide.",
            "Countersign tries again by itself.",
          ),
          link: null,
          account: "priya-n@ghe.example.com",
        },
      ];
    case "offline":
      return [
        {
          kind: "offline",
          message: said(
            "github.com cannot be reached: no route to it.",
            `${count(held, "change")} with their whole diffs are on this machine; you can read and decide.`,
            "Countersign tries again by itself.",
          ),
          link: null,
          account: "first",
        },
      ];
    default:
      return [];
  }
}
