module reload-operator.dev/test/pause

go 1.24
