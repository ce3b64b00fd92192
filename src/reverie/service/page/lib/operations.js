// What the server says of its operations: the bounds and the default of each field of a request, from its own document.

import { get } from "./api.js";

let asking = null;
let knowing = null;
let schemas = null; // fields by path

/** Resolves once `limits` can be asked; fetched once. */
export function operations() {
  asking ??= get("/openapi.json").then(
    ({ paths, components }) => {
      const of = (schema = {}) => (schema.$ref ? of(components.schemas[schema.$ref.split("/").at(-1)]) : [schema, ...(schema.oneOf ?? []).flatMap(of)]);
      const body = ({ post }) => of(post?.requestBody?.content["application/json"]?.schema).flat().map((each) => each.properties ?? {});
      const query = ({ get: operation }) => Object.fromEntries((operation?.parameters ?? []).map(({ name, schema }) => [name, schema]));
      schemas = Object.fromEntries(Object.entries(paths).map(([path, operation]) => [path, Object.assign(query(operation), ...body(operation).reverse())]));
    },
    (error) => {
      asking = null;
      throw error;
    },
  );
  return asking;
}

/** The names that calls understand, of GET /api/about; fetched once. */
export function about() {
  knowing ??= get("/api/about").catch((error) => {
    knowing = null;
    throw error;
  });
  return knowing;
}

/** What is known of a field: {min, max, step, otherwise, options, pattern}, each left out where the server sets none. */
export function limits(path, name) {
  const field = schemas?.[path]?.[name] ?? {};
  const schema = [field, ...(field.anyOf ?? [])].find(({ type }) => ["integer", "number"].includes(type)) ?? field;
  const known = { min: schema.minimum ?? schema.exclusiveMinimum, max: schema.maximum ?? schema.exclusiveMaximum, step: { integer: 1, number: "any" }[schema.type], otherwise: field.default ?? undefined, options: [field, ...(field.anyOf ?? [])].find((each) => each.enum)?.enum, pattern: [field, ...(field.anyOf ?? [])].find((each) => each.pattern)?.pattern };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined));
}
