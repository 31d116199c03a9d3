"""Microprobe tables of every maker: oxides in wt% and places come out, whatever goes in.

A table is read in two steps: `suggest` guesses a `ColumnMapping` from its content, and the mapping
is applied. A person may edit the mapping (`preview` shows what comes out) and keep it
(`save_mapping`) in ``columns.toml`` beside the tables, where `read_profiles` finds it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
