// Cuts GitHub's two descriptions down to what the test forge serves. README.md beside this file says when and how.
//   node trim.mjs OPENAPI.json SCHEMA.graphql          GitHub.com
//   node trim.mjs OPENAPI.json SCHEMA.graphql ghes-3.17   an Enterprise Server, whose schema is cut to what the queries
//                                                         ask; `-` for a schema leaves it as it is
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Kind, parse, print, visit } from "graphql";
import { asked } from "./asked.mjs";

const [openapiPath, schemaPath, server] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));

const named = (kind) => join(here, server === undefined ? kind : `${server}.${kind}`);

const served = [
  "get /meta",
  "get /user",
  "get /rate_limit",
  "get /notifications",
  "get /repos/{owner}/{repo}",
  "get /repos/{owner}/{repo}/pulls",
  "post /repos/{owner}/{repo}/pulls",
  "get /repos/{owner}/{repo}/pulls/{pull_number}",
  "get /repos/{owner}/{repo}/pulls/{pull_number}/commits",
  "get /repos/{owner}/{repo}/pulls/{pull_number}/files",
  "get /repos/{owner}/{repo}/pulls/{pull_number}/reviews",
  "post /repos/{owner}/{repo}/pulls/{pull_number}/reviews",
  "get /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}",
  "put /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}",
  "delete /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}",
  "post /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/events",
  "put /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/dismissals",
  "get /repos/{owner}/{repo}/compare/{basehead}",
  "get /repos/{owner}/{repo}/commits",
  "get /repos/{owner}/{repo}/commits/{ref}",
  "get /repos/{owner}/{repo}/commits/{ref}/statuses",
  "post /repos/{owner}/{repo}/statuses/{sha}",
  "get /repos/{owner}/{repo}/commits/{ref}/check-runs",
  "get /repos/{owner}/{repo}/git/trees/{tree_sha}",
  "get /repos/{owner}/{repo}/git/blobs/{file_sha}",
  "get /repos/{owner}/{repo}/git/commits/{commit_sha}",
  "get /repos/{owner}/{repo}/git/ref/{ref}",
  "get /repos/{owner}/{repo}/git/matching-refs/{ref}",
  "post /repos/{owner}/{repo}/git/refs",
  "get /repos/{owner}/{repo}/contents/{path}",
  "put /repos/{owner}/{repo}/contents/{path}",
  "get /repos/{owner}/{repo}/activity",
  "get /repos/{owner}/{repo}/issues/{issue_number}/timeline",
  "get /repos/{owner}/{repo}/branches/{branch}/protection",
  "get /repos/{owner}/{repo}/rules/branches/{branch}",
  "get /users/{username}/ssh_signing_keys",
  "get /user/ssh_signing_keys",
  "post /user/ssh_signing_keys",
];

// Examples and prose are most of the weight and the check reads neither.
function bare(value, inProperties = false) {
  if (Array.isArray(value)) return value.map((one) => bare(one));
  if (value === null || typeof value !== "object") return value;
  const kept = {};
  for (const [key, one] of Object.entries(value)) {
    // Below `properties` a key is a field's name, and fields are named "description" too.
    if (!inProperties && ["description", "example", "examples", "externalDocs", "summary", "tags", "title"].includes(key)) continue;
    if (!inProperties && key.startsWith("x-")) continue;
    kept[key] = bare(one, !inProperties && (key === "properties" || key === "responses" || key === "headers"));
  }
  return kept;
}

const openapi = JSON.parse(readFileSync(openapiPath, "utf8"));
const out = { openapi: openapi.openapi, info: { title: openapi.info.title, version: openapi.info.version, license: openapi.info.license }, paths: {}, components: {} };
const wanted = [];
const seen = new Set();
function follow(value) {
  if (Array.isArray(value)) return value.forEach(follow);
  if (value === null || typeof value !== "object") return;
  if (typeof value.$ref === "string" && !seen.has(value.$ref)) {
    seen.add(value.$ref);
    wanted.push(value.$ref);
  }
  Object.values(value).forEach(follow);
}
for (const line of served) {
  const [method, path] = line.split(" ");
  const operation = openapi.paths[path]?.[method];
  if (!operation) throw new Error(`GitHub does not describe ${line}`);
  out.paths[path] ??= {};
  out.paths[path][method] = bare(operation);
  follow(out.paths[path][method]);
}
while (wanted.length > 0) {
  const [, , kind, name] = wanted.pop().split("/");
  out.components[kind] ??= {};
  out.components[kind][name] = bare(openapi.components[kind][name]);
  follow(out.components[kind][name]);
}
for (const kind of Object.keys(out.components)) {
  out.components[kind] = Object.fromEntries(Object.entries(out.components[kind]).sort(([a], [b]) => (a < b ? -1 : 1)));
}
writeFileSync(named("openapi.json"), JSON.stringify(out, null, 1) + "\n");

if (schemaPath === "-") process.exit(0);

if (server !== undefined) {
  const { text, types, lacks } = asked(readFileSync(schemaPath, "utf8"));
  const header = [
    `# What Countersign's queries ask of the schema of GitHub Enterprise Server ${server.replace("ghes-", "")}, written by trim.mjs. The facts are`,
    `# those of github/docs, src/graphql/data/${server}/schema.docs-enterprise.graphql; README.md says of which commit.`,
  ];
  writeFileSync(named("schema.graphql"), `${header.join("\n")}\n\n${text}`);
  console.log(`${served.length} operations, ${seen.size} components; ${types} GraphQL types`);
  if (lacks.length > 0) console.log(`asked, and not in this schema: ${lacks.join(", ")}`);
  process.exit(0);
}

// Writing goes over REST, so mutations and what only they reach are left out; everything that a query can reach stays.
const schema = parse(readFileSync(schemaPath, "utf8"), { noLocation: true });
const types = new Map(schema.definitions.filter((one) => one.name).map((one) => [one.name.value, one]));
const reached = new Set();
const queue = ["Query"];
while (queue.length > 0) {
  const name = queue.pop();
  const type = types.get(name);
  if (!type || reached.has(name)) continue;
  reached.add(name);
  visit(type, { NamedType: (node) => void queue.push(node.name.value) });
  if (type.kind === Kind.INTERFACE_TYPE_DEFINITION) {
    for (const other of types.values()) {
      if (other.interfaces?.some((one) => one.name.value === name)) queue.push(other.name.value);
    }
  }
}

// GitHub's file defines a few fields twice in one type, word for word the same, which the specification forbids.
function once(node) {
  const names = new Set();
  return node.fields.filter((field) => !names.has(field.name.value) && names.add(field.name.value));
}
const slim = visit(
  { ...schema, definitions: schema.definitions.filter((one) => one.kind === Kind.DIRECTIVE_DEFINITION || reached.has(one.name?.value)) },
  {
    enter(node) {
      if (!node.description && !node.fields) return undefined;
      return { ...node, description: undefined, ...(node.fields ? { fields: once(node) } : {}) };
    },
  },
);
writeFileSync(named("schema.graphql"), print(slim) + "\n");
console.log(`${served.length} operations, ${seen.size} components; ${reached.size} GraphQL types`);
