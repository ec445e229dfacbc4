"""What notebooks show of models, books, subscriptions, clients and errors: tables in HTML."""
