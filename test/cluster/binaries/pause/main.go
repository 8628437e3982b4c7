// Command pause holds namespaces open: it waits for a signal and collects orphans.
// It is the sandbox container of every pod of the test cluster, and the first process of the node itself.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for received := range signals {
		if received != syscall.SIGCHLD {
			return
		}
		for collect() {
		}
	}
}

// collect reaps one ended child and tells whether there was one.
func collect() bool {
	pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
	return err == syscall.EINTR || (err == nil && pid > 0)
}
