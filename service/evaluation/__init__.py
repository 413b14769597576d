"""Evaluation on people left out: plan, folds in processes, resume, results, table, plots."""
