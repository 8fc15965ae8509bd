"""Other nodes: their cards, the connections to them, and what they may ask of this one."""
