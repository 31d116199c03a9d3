"""Maps of numbers as text: Oxford, XMapTools, Cameca, JEOL."""
