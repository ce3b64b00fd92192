// "Show the call": the same result without the page, as curl, as a command, as Python. The server composes them.

import { post } from "./api.js";
import { button } from "./controls.js";

/** {curl, command, python} of an operation with this request, null where it has no such form. */
export async function composed(operation, request) {
  try {
    return (await post(`/api/calls/${operation}`, shortened(request))).body ?? {};
  } catch (problem) {
    return problem.status === 404 ? {} : { curl: `# ${problem.detail ?? problem.message}` };
  }
}

/** A button that shows the call; calls() gives the operations and their requests, [name, request] each, of the view as it is now. */
export function callDialog(calls) {
  return button({
    label: "Show the call",
    onClick: async () => {
      const [{ showCalls }, ...all] = await Promise.all([import("./call_dialog.js"), ...(await calls()).map(([operation, request]) => composed(operation, request))]);
      showCalls(all);
    },
  });
}

/** Pictures inside a request, which nobody wants to read, are cut. */
function shortened(request) {
  return Object.fromEntries(Object.entries(request).map(([name, value]) => [name, typeof value === "string" && value.startsWith("data:") ? "data:image/png;base64,..." : value]));
}
