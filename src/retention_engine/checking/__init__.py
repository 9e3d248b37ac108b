"""Is a rule sound? Its source read, and the rule tried out on a log in two processes that differ in all that must not matter."""
