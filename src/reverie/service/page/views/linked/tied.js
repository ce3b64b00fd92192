// How tables are tied where a schema file says it, as a field of a request.

import { bytes, path } from "../../lib/api.js";

/** {schema_text} of a schema file in the workspace; nothing where there is none. */
export async function tied(schema) {
  return schema ? { schema_text: new TextDecoder().decode(await bytes(`/api/files/${path(schema)}`)) } : {};
}
