package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"sync"
	"time"
)

// A mounted file that is reloaded while the application runs, and what is told of it at /-/reload.
type hotFile[T any] struct {
	mutex   sync.RWMutex
	parse   func([]byte) (T, error)
	current T
	loaded  file
}

type file struct {
	Path     string `json:"path"`
	SHA256   string `json:"sha256,omitempty"`
	LoadedAt string `json:"loadedAt,omitempty"`
	Error    string `json:"error,omitempty"`
}

func watch[T any](path string, parse func([]byte) (T, error)) *hotFile[T] {
	hot := &hotFile[T]{parse: parse, loaded: file{Path: path}}
	hot.reload()
	go func() {
		for range time.Tick(500 * time.Millisecond) {
			hot.reload()
		}
	}()
	return hot
}

func (hot *hotFile[T]) reload() { // all or nothing: read, parse, and only then swap
	hot.mutex.Lock()
	defer hot.mutex.Unlock()
	data, err := os.ReadFile(hot.loaded.Path) // opened anew: through the link that the kubelet swaps
	sum := sha256.Sum256(data)
	if digest := hex.EncodeToString(sum[:]); err == nil && digest != hot.loaded.SHA256 {
		var next T
		if next, err = hot.parse(data); err == nil {
			hot.current, hot.loaded.SHA256 = next, digest
			hot.loaded.LoadedAt = time.Now().Format(time.RFC3339Nano)
		}
	}
	hot.loaded.Error = ""
	if err != nil { // the earlier configuration stays in force
		hot.loaded.Error = strings.Join(strings.Fields(err.Error()), " ")
	}
}

func (hot *hotFile[T]) get() (T, file) {
	hot.mutex.RLock()
	defer hot.mutex.RUnlock()
	return hot.current, hot.loaded
}
