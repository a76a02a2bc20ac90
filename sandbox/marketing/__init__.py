"""Marketing's tool: leads, campaigns and responses, social profiles and what they did; exported as files into an object store."""
