module dreamops.dev/tests/cluster/containers

go 1.24
