// Cuts a GraphQL schema down to what Countersign's queries ask: the fields and arguments, and the types that these
// have. trim.mjs calls it for an Enterprise Server.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  Kind, TypeInfo, buildASTSchema, getNamedType, isInputObjectType, isInterfaceType, isObjectType, isRequiredArgument,
  parse, print, visit, visitWithTypeInfo,
} from "graphql";

const sources = join(dirname(fileURLToPath(import.meta.url)), "../../../src-tauri");
const folders = ["engine/src/github/queries", "core/src/collect/queries"].map((folder) => join(sources, folder));

// What is asked instead where a server lacks a field stands in a comment, `#- TYPE.FIELD | LINE`, and counts as asked.
const queries = () =>
  folders.flatMap((folder) =>
    readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8").replace(/^\s*#- .* \| /gm, "")),
  );

// The fields asked of each object and interface, with their arguments; the names of the other types, which are kept
// whole; and what is asked and not there.
function uses(schema) {
  const fields = new Map();
  const whole = new Set();
  const lacks = new Set();
  const keep = (type) => {
    const named = getNamedType(type);
    if (!named.astNode || fields.has(named.name) || whole.has(named.name)) return;
    if (isObjectType(named) || isInterfaceType(named)) return void fields.set(named.name, new Map());
    whole.add(named.name);
    if (isInputObjectType(named)) Object.values(named.getFields()).forEach((one) => keep(one.type));
  };
  const info = new TypeInfo(schema);
  const enter = {
    Field({ name }) {
      const [parent, field] = [info.getParentType(), info.getFieldDef()];
      if (!parent || name.value.startsWith("__")) return;
      if (!field) return void lacks.add(`${parent.name}.${name.value}`);
      [parent, field.type].forEach(keep);
      const known = fields.get(parent.name);
      if (known.has(field.name)) return;
      const required = field.args.filter(isRequiredArgument);
      required.forEach((one) => keep(one.type));
      known.set(field.name, new Set(required.map((one) => one.name)));
    },
    Argument({ name }) {
      const [parent, field, argument] = [info.getParentType(), info.getFieldDef(), info.getArgument()];
      if (!field || info.getDirective()) return;
      if (!argument) return void lacks.add(`${parent.name}.${field.name}(${name.value})`);
      keep(argument.type);
      fields.get(parent.name).get(field.name).add(argument.name);
    },
    NamedType({ name }) {
      const type = schema.getType(name.value);
      if (type) keep(type);
      else lacks.add(name.value);
    },
  };
  for (const query of queries()) visit(parse(query), visitWithTypeInfo(info, { enter: (node) => enter[node.kind]?.(node) }));
  // An object has what its interfaces promise, asked or not.
  for (const [name, own] of fields) {
    for (const shared of schema.getType(name).getInterfaces()) {
      for (const [field, given] of fields.get(shared.name) ?? []) if (!own.has(field)) own.set(field, given);
    }
  }
  return { fields, whole, lacks };
}

const byName = (one, other) => (one.name.value < other.name.value ? -1 : 1);

// Whether something is deprecated matters to introspection; the reason is prose.
const bare = (node) => ({
  ...node,
  description: undefined,
  directives: node.directives.filter((one) => one.name.value === "deprecated").map((one) => ({ ...one, arguments: [] })),
});

/** The cut as text, how many types it has, and what the queries ask and the schema lacks. */
export function asked(text) {
  const schema = buildASTSchema(parse(text, { noLocation: true }), { assumeValid: true, assumeValidSDL: true });
  const { fields, whole, lacks } = uses(schema);
  const among = (nodes) => nodes?.filter((node) => fields.has(node.name.value) || whole.has(node.name.value)).sort(byName);
  const field = (type, [name, given]) => {
    const node = type.getFields()[name].astNode;
    return { ...bare(node), arguments: node.arguments.filter((one) => given.has(one.name.value)).map(bare) };
  };
  const definition = (name) => {
    const type = schema.getType(name);
    const node = bare(type.astNode);
    const own = fields.has(name) ? [...fields.get(name)].map((one) => field(type, one)) : node.fields?.map(bare);
    const { interfaces, types, values } = node;
    return { ...node, interfaces: among(interfaces), types: among(types), values: values?.map(bare), fields: own?.sort(byName) };
  };
  const definitions = [...fields.keys(), ...whole].map(definition).sort(byName);
  return { text: print({ kind: Kind.DOCUMENT, definitions }) + "\n", types: definitions.length, lacks: [...lacks].sort() };
}
