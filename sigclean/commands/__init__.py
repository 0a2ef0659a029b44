"""The sub-commands of `sigclean`: each module adds its options to the parser and runs them."""
