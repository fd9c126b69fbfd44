"""Search: parameters become better ones, by a study of trials; the only room that knows Optuna."""
