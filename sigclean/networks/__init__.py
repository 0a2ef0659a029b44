"""The networks: generators, discriminators and their layers."""
