"""The problems between the rosters and their readers: `rollcall status` reports them, and alerts send them."""
