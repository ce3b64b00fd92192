"""Modules become one script that does the same, and a page is one file that can ask nothing of any machine."""

import base64
import hashlib
import json
import re

import pytest

from reverie.errors import UsageError
from reverie.giveaway import LIMIT, bundle, document, too_large
from reverie.giveaway.document import data, script_text


def test_names_are_taken_from_the_module_that_gives_them():
    modules = {
        "main.js": 'import { a, b as c } from "./lib/x.js";\nimport * as y from "./y.js";\na(import(`./lib/${c}.js`));\n',
        "lib/x.js": "export function a() {}\nexport const b = 1;\n",
        "y.js": 'import { a } from "./lib/x.js";\nexport async function* f() {}\nexport class K {}\na();\n',
    }
    script = bundle(modules, "main.js")
    assert 'const { a, b: c } = need("lib/x.js");' in script and 'const y = need("y.js");' in script
    assert "bring(`lib/${c}.js`)" in script and 'need("main.js");\n})();' in script
    first, last = script.index("exports.a = a;"), script.index("exports.b = b;")
    assert first < script.index("function a() {}") < script.index("const b = 1;") < last
    assert "exports.f = f;" in script and "async function* f() {}" in script and "exports.K = K;" in script
    assert not re.search(r"^(import|export)\b", script, re.M)


@pytest.mark.parametrize(
    "text",
    ["export default 3;", "export let a = 1;", 'import x from "./x.js";', "const a = import.meta.env;", "import(name);"],
)
def test_what_cannot_be_put_into_one_page_is_refused_by_name(text):
    with pytest.raises(ValueError, match=r"main\.js has a form of import or export"):
        bundle({"main.js": text + "\n", "x.js": ""}, "main.js")


def test_an_import_of_what_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"lib/a\.js imports lib/b\.js"):
        bundle({"lib/a.js": 'import { b } from "./b.js";\n'}, "lib/a.js")


def test_nothing_that_people_wrote_can_become_a_script():
    hostile = '</script><script>alert(1)</script><!--"'
    page = document(hostile, "", "<main></main>", f"said({json.dumps(hostile)});", {"told": data({"name": hostile})})
    assert len(re.findall("<script", page)) == len(re.findall("</script>", page)) == 2  # the data, and our own
    told = re.search(r'id="told">(.*?)</script>', page, re.S)
    assert told and json.loads(told[1]) == {"name": hostile}
    assert "&lt;/script&gt;" in page and "<!--" not in page


def test_the_policy_names_the_scripts_by_their_hashes_and_forbids_the_rest():
    page = document("A page", "", "", "later();", {}, early=["first();"])
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    rules = dict(rule.split(" ", 1) for rule in policy[1].split("; "))
    scripts = re.findall(r"<script>(.*?)</script>", page, re.S)
    assert scripts == ["first();", "later();"]
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()}'" for each in scripts]
    assert rules["script-src"].split() == hashes
    assert rules["default-src"] == rules["connect-src"] == rules["base-uri"] == rules["form-action"] == "'none'"


def test_a_script_that_names_its_own_end_stays_the_same_program():
    assert script_text('"</script>" + /<!--/') == '"\\x3c/script>" + /\\x3c!--/'
    assert script_text("i < n && <b>") == "i < n && <b>"


def test_a_page_of_more_than_the_limit_is_refused_with_both_sizes():
    too_large("x" * LIMIT, "")
    with pytest.raises(UsageError, match=r"7\.5 MB, and 6 MB is the most: ask for less\."):
        too_large("x" * 7_500_000, "ask for less")
