"""How much every weight matters for prediction and for bias."""
