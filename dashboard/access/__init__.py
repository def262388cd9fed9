"""Getting in: what the pages of users, access keys, tokens and one's own profile are made of."""
