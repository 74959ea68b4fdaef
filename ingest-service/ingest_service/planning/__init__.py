"""Facts become plans: rules, conditions, the planner and its tables."""
