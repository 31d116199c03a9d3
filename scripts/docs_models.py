"""Models in the API reference: what they say of their fields stands where a reader looks for it."""

from __future__ import annotations

import ast
from typing import Any

from griffe import Attribute, Class, Docstring, ExprCall, Extension


class Models(Extension):
    """Reads the fields of pydantic models."""

    def on_class_instance(self, *, cls: Class, **_: Any) -> None:
        """Call the parameters of a model what they are for a reader without ``__init__``."""
        if cls.docstring and any(str(base) == "BaseModel" for base in cls.bases):
            cls.docstring.value = cls.docstring.value.replace(
                "Parameters\n----------", "Attributes\n----------"
            )

    def on_attribute_instance(self, *, attr: Attribute, **_: Any) -> None:
        """Describe a field by what ``setting(default, title, description, unit=...)`` says."""
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
