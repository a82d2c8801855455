"""Evidence for decisions: backtest, ablation, tuning, label audit, and the gate self-test."""
