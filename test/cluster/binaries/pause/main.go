// Command pause holds namespaces open: it waits for a signal and collects orphans.
// It is the sandbox container of every pod of the test cluster, and, with --until-eof, the first process of the
// node itself: that one also ends with whoever holds the other end of its standard input.
package main

import (
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	if slices.Contains(os.Args[1:], "--until-eof") {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
	}
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
