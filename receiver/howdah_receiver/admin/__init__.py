"""What the receiver's own commands do. `commands` runs one, in the receiver that is running or in one that
is opened for it; each other module has the commands of one noun."""
