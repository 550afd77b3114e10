"""Predictions with intervals at new places, and the backtest that earns them."""
