"""The section on keyframes: the table, the strip below the slider, the chart's cursor and clicks."""
