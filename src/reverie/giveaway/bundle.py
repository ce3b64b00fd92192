"""ES modules as one script, for a page that is a single file: modules are found by addresses, and there it has none.

    import { a, b as c } from "./x.js"    const { a, b: c } = need("x.js")
    import * as x from "./x.js"           const x = need("x.js")
    import("./x.js")                      bring("x.js"), a promise; also of a template, `./views/${name}.js`
    export function f                     function f, and exports.f = f before all else, as functions are hoisted
    export const c, export class C        the same, and exports.c = c at the end
    import.meta.url                       location.href: the page is the only file that there is

That is all that our modules use; whatever else begins with import or export is refused, by name, when a page is put
together. Each module is a function that runs once, when it is first needed.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

__all__ = ["bundle", "needed"]

IMPORT = re.compile(r'^import (?:(?P<names>\{[^}]*\})|\* as (?P<all>\w+)) from "(?P<where>[^"]+)";', re.M)
DYNAMIC = re.compile(r'\bimport\((?P<quote>["`])(?P<where>\.[^"`]+)(?P=quote)\)')
EXPORT = re.compile(r"^export (?P<kind>(?:async )?function\*?|const|class) (?P<name>\w+)", re.M)
LEFT = re.compile(r"^(?:import|export)\b.*|\bimport\.meta\b|\bimport\(", re.M)

FRAME = """(() => {{
  "use strict";
  const modules = {{
{modules}
  }};
  const loaded = {{}};
  const need = (name) => {{
    if (!(name in loaded)) {{
      if (!Object.hasOwn(modules, name)) throw new Error(`This page has no part ${{name}}.`);
      modules[name]((loaded[name] = {{}}));
    }}
    return loaded[name];
  }};
  const bring = async (name) => need(name);
  need({entry});
}})();
"""


def bundle(modules: Mapping[str, str], entry: str) -> str:
    """One script that does what the module `entry` does; `modules` are texts by their names, such as "lib/dom.js".

    Of modules that import each other only functions reach the one that is read first. Raises ValueError for an import of
    what is not among them, and for a form of import or export that is not listed above.
    """
    parts = [f'"{name}": (exports) => {{\n{_as_function(name, text, modules)}}},' for name, text in modules.items()]
    return FRAME.format(modules="\n".join(parts), entry=f'"{entry}"')


def needed(modules: Mapping[str, str], entry: str) -> list[str]:
    """The names of `entry` and of all that it imports, each after those that it needs."""
    found: dict[str, None] = {}

    def follow(name: str) -> None:
        for where in IMPORT.findall(modules[name]):
            follow(_place(name, where[-1]))
        found.setdefault(name)

    follow(entry)
    return list(found)


def _as_function(name: str, text: str, modules: Mapping[str, str]) -> str:
    hoisted: list[str] = []
    settled: list[str] = []

    def imported(found: re.Match[str]) -> str:
        where = _place(name, found["where"])
        if where not in modules:
            raise ValueError(f"{name} imports {where}, which is not among the modules of the page.")
        what = found["all"] or re.sub(r"\b(\w+) as (\w+)", r"\1: \2", found["names"])
        return f'const {what} = need("{where}");'

    def exported(found: re.Match[str]) -> str:
        (hoisted if "function" in found["kind"] else settled).append(found["name"])
        return f"{found['kind']} {found['name']}"

    text = IMPORT.sub(imported, text)
    text = EXPORT.sub(exported, text)
    text = DYNAMIC.sub(lambda found: f"bring({found['quote']}{_place(name, found['where'])}{found['quote']})", text)
    text = text.replace("import.meta.url", "location.href")
    if left := LEFT.search(text):
        raise ValueError(f"{name} has a form of import or export that cannot be put into one page: {left[0]}.")
    first = "".join(f"exports.{each} = {each};\n" for each in hoisted)
    last = "".join(f"exports.{each} = {each};\n" for each in settled)
    return f"{first}{text}\n{last}"


def _place(name: str, where: str) -> str:
    """The name of a module as another one writes it."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), where))
