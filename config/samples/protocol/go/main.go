// Runs on a mounted llm.json, and reloads it: app FILE PORT [SIGNING_KEY_FILE]
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

type config struct{ Provider, Model string }

type file struct {
	Path     string `json:"path"`
	SHA256   string `json:"sha256,omitempty"`
	LoadedAt string `json:"loadedAt,omitempty"`
	Error    string `json:"error,omitempty"`
}

var (
	mutex   sync.RWMutex
	current *config
	loaded  = file{Path: os.Args[1]}
)

func parse(data []byte) (*config, error) {
	var next config
	if json.Unmarshal(data, &next) != nil {
		return nil, errors.New("can't be read") // others read it: it never quotes content
	}
	if !slices.Contains([]string{"anthropic", "local", "openai"}, next.Provider) {
		return nil, errors.New("provider must be anthropic, local or openai")
	}
	return &next, nil
}

func reload() { // all or nothing: read, parse, and only then swap
	mutex.Lock()
	defer mutex.Unlock()
	data, err := os.ReadFile(loaded.Path) // opened anew, by its path: through the link that the kubelet swaps
	sum := sha256.Sum256(data)
	if digest := hex.EncodeToString(sum[:]); err == nil && digest != loaded.SHA256 {
		var next *config
		if next, err = parse(data); err == nil {
			current, loaded.SHA256, loaded.LoadedAt = next, digest, time.Now().Format(time.RFC3339Nano)
		}
	}
	loaded.Error = ""
	if err != nil { // the earlier configuration stays in force
		loaded.Error = err.Error()
	}
}

func answer(w http.ResponseWriter, ok bool, otherwise int, value any) {
	w.Header().Set("Content-Type", "application/json")
	if !ok {
		w.WriteHeader(otherwise)
	}
	json.NewEncoder(w).Encode(value)
}

func serve(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		reload()
	}
	mutex.RLock()
	defer mutex.RUnlock()
	answer(w, loaded.Error == "", http.StatusUnprocessableEntity, map[string]any{"reload": "v1", "files": []file{loaded}})
}

func main() {
	reload()
	go func() {
		for range time.Tick(500 * time.Millisecond) {
			reload()
		}
	}()
	http.HandleFunc("GET /-/reload", signed(serve))
	http.HandleFunc("POST /-/reload", signed(serve))
	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		mutex.RLock()
		defer mutex.RUnlock()
		answer(w, current != nil, http.StatusServiceUnavailable, current)
	})
	log.Fatal(http.ListenAndServe(":"+os.Args[2], nil))
}
