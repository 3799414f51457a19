"""Which connections to the gateway may stay: bounds, time-outs, and what happens at the bound."""
