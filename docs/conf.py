"""
The settings of the site.

``python -m sphinx -W --keep-going -q docs build/site`` builds it, and needs no network.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform
from sphinx.util.nodes import make_refnode

from bfxsync._version import __version__

project = "bfxsync"
author = "The bfxsync authors"
project_copyright = "The bfxsync authors"
version = release = __version__

# Napoleon comes with Sphinx, and renders the sections of numpydoc where they are written. The
# extension numpydoc adds a table of members to each class, which would repeat those of autodoc.
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
# Names in single backticks are parameters and names of the library.
default_role = "py:obj"
nitpicky = False

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"exclude-members": "__init__, __new__"}
autodoc_inherit_docstrings = False
autoclass_content = "class"
napoleon_google_docstring = False
napoleon_use_ivar = True
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = f"bfxsync {release}"
html_copy_source = False
html_show_sphinx = False
# Where a language model looks for it.
html_extra_path = ["llms.txt"]
copybutton_exclude = ".linenos, .gp, .go"


class PageLinks(SphinxTransform):
    """Makes links of the names of pages, as documents and docstrings write them."""

    default_priority = 500
    _PAGE = re.compile(r"docs(/[\w/]+)\.rst")

    def apply(self, **kwargs: Any) -> None:
        """Replace the literals; one that names no page is an error."""
        for literal in list(self.document.findall(nodes.literal)):
            page = self._PAGE.fullmatch(literal.astext())
            if page is None or isinstance(literal.parent, addnodes.pending_xref):
                continue
            reference = addnodes.pending_xref(
                "",
                nodes.inline("", literal.astext()),
                refdomain="std",
                reftype="doc",
                reftarget=page[1],
                refdoc=self.env.docname,
                refexplicit=False,
                refwarn=True,
            )
            literal.replace_self(reference)


def link_short_name(
    app: Sphinx,
    env: BuildEnvironment,
    node: addnodes.pending_xref,
    text: nodes.TextElement,
) -> nodes.reference | None:
    """Link a name without its module, such as a model or `Client`, where only one object has it."""
    if node.get("refdomain") != "py":
        return None
    objects = env.get_domain("py").objects
    target = node["reftarget"]
    found = [
        name
        for name in (f"bfxsync.{target}", f"bfxsync.models.{target}")
        if name in objects
    ] or [name for name in objects if name.endswith(f".{target}")]
    if len(found) != 1:
        return None
    place = objects[found[0]]
    return make_refnode(
        app.builder, node["refdoc"], place.docname, place.node_id, text, found[0]
    )


# What the repr of a default value should be: that of a class, an enumeration, an object.
_DEFAULTS = (
    (re.compile(r"<class '(?:\w+\.)*(\w+)'>"), r"\1"),
    (re.compile(r"<(\w+\.[\w|]+): [^>]+>"), r"\1"),
    (re.compile(r"<(?:\w+\.)*(\w+) object>"), r"\1()"),
)


def show_defaults(
    app: Sphinx,
    what: str,
    name: str,
    value: object,
    options: object,
    signature: str | None,
    returned: str | None,
) -> tuple[str, str | None] | None:
    """
    Write default values as Python would; Sphinx then breaks and links the signature.

    A class whose parameters are not described is not called by users: objects of it are returned.
    """
    if signature is None:
        return None
    described = re.search(r"^ *(Parameters|Attributes)\n", value.__doc__ or "", re.M)
    if what == "class" and described is None and ".compat." not in name:
        return "", None
    for pattern, text in _DEFAULTS:
        signature = pattern.sub(text, signature)
    return signature, returned


def keep_colon(
    app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    """Begin properties with a comment, or napoleon takes what is before a colon for the type."""
    if what == "property":
        lines[:0] = ["..", ""]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register what is defined here."""
    app.add_transform(PageLinks)
    app.connect("missing-reference", link_short_name)
    app.connect("autodoc-process-signature", show_defaults)
    # Before napoleon.
    app.connect("autodoc-process-docstring", keep_colon, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
