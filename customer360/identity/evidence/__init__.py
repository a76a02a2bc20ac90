"""Why two records are one customer: declared, exact, decided and probabilistic edges."""
