"""HTTP to addresses that somebody outside chose: public ones only, and within a time."""
