"""What the benchmarks of servers side by side share: ground, servers, load client, rounds, targets."""
