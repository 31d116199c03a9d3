"""Fields of settings models in the API reference: title, unit and description instead of a call."""

from __future__ import annotations

import ast
from typing import Any

from griffe import Attribute, Docstring, ExprCall, Extension


class Settings(Extension):
    """Reads what ``setting(default, title, description, unit=...)`` says of a field."""

    def on_attribute_instance(self, *, attr: Attribute, **_: Any) -> None:
        """Make the docstring of a field that is declared with ``setting``."""
        call = attr.value
        if not isinstance(call, ExprCall) or str(call.function) != "setting":
            return
        node = ast.parse(str(call), mode="eval").body
        assert isinstance(node, ast.Call)
        try:
            default, title, text = (ast.literal_eval(part) for part in node.args)
            unit = next((ast.literal_eval(k.value) for k in node.keywords if k.arg == "unit"), "")
        except ValueError:  # a default or a text that is worked out
            return
        attr.docstring = Docstring(f"{title}{f' ({unit})' if unit else ''}: {text}", parent=attr)
        attr.value = repr(default)
