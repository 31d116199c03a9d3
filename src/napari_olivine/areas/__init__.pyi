from .cells import Cell as Cell, Grid as Grid, grid_of as grid_of
from .pieces import Pieces as Pieces, count_pieces as count_pieces, pieces_in as pieces_in
from .selection import Objective as Objective, Pick as Pick, select as select, smallest as smallest
from .settings import AreasSettings as AreasSettings
from .step import suggest_areas as suggest_areas
from .suggestion import (
    Area as Area,
    Suggestion as Suggestion,
    sessions_with_areas as sessions_with_areas,
    write_areas as write_areas,
)
