"""What labs run on: the protocols that every engine follows, and the engines behind them."""
