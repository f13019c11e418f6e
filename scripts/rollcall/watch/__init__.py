"""What stands between the rosters and the people who read them: told by `rollcall status`, and sent as alerts."""
