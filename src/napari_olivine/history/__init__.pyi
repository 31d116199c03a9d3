from .command import Command as Command, Step as Step, Target as Target
from .edited_table import EditedTable as EditedTable, TableEdit as TableEdit
from .stack import History as History
