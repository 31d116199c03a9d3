from .command import Command as Command, HistoryStep as HistoryStep, Target as Target
from .edited_table import EditedTable as EditedTable, TableEdit as TableEdit
from .signature import now as now, user_name as user_name
from .stack import History as History
