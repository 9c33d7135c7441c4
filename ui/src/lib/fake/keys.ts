import type { KeyView } from "../types";

/** Keys of the sample. */
export const KEYS: KeyView[] = [
  {
    fingerprint: "SHA256:Qm4vXk2h0dYb7sJr9uWfLc3nTgA8eZpI5oMqRxVwt9E",
    algorithm: "sk-ssh-ed25519@openssh.com",
    comment: "priya@acme.example",
    place: "agent",
    hardware: true,
    chosen: true,
    public_line:
      "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIFNhbXBsZQ priya@acme.example",
  },
  {
    fingerprint: "SHA256:b1Pz0uT7mD5hVnW3kLq8sYx2RcE6oAjGf9iZtXeUw4M",
    algorithm: "ssh-ed25519",
    comment: "laptop",
    place: "agent",
    hardware: false,
    chosen: false,
    public_line: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFNhbXBsZQ laptop",
  },
];
