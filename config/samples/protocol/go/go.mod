module example.com/protocol

go 1.24
