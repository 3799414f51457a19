"""How a mask is computed: pipeline, planner, runtimes; knows no queue."""
