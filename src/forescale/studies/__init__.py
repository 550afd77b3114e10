"""Published claims, each with the data to test it and the verdict."""
