"""The containers of what was deployed: why one ended, their logs live, restart, and the compose file behind them."""
